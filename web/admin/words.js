// The texts of the page, in English and French.

const en = {
  title: "Administration",
  name: "Name",
  password: "Password",
  signIn: "Sign in",
  signOut: "Sign out",
  refused: "{name} is not an administrator. Ask whoever runs this server.",
  cancel: "Cancel",
  more: "Show more",
  none: "Nothing to show.",
  loading: "Loading…",
  "part.overview": "Overview",
  "part.users": "Users",
  "part.groups": "Groups",
  "part.webhooks": "Webhooks",
  "part.settings": "Settings",
  "overview.about": "Chinwag {version}. The figures are those of the node that answers, of the last five minutes.",
  "overview.refused": "The proxy in front of this server does not pass /metrics, so that there are no figures here.",
  "figure.users": "Users connected",
  "figure.sockets": "Sockets",
  "figure.events": "Events a second",
  "figure.deliveries": "Deliveries a second",
  "figure.requests": "Requests a second",
  "figure.queued": "Frames that wait",
  "figure.files": "Files",
  "figure.memory": "Memory",
  "figure.most": "at most {most}",
  "users.begins": "Name begins with",
  "users.name": "Name",
  "users.kind": "Kind",
  "users.origin": "Origin",
  "users.created": "Created",
  "users.seen": "Last seen",
  "users.state": "State",
  "users.acts": "Actions",
  "kind.person": "Person",
  "kind.bot": "Bot",
  "users.admin": "Administrator",
  "users.suspended": "Suspended until {until}",
  "users.suspend": "Suspend",
  "users.suspend.title": "Suspend {name}?",
  "users.suspend.hint": "The user is signed out everywhere, and is shown the reason at the next try.",
  "users.suspend.until": "Until",
  "users.suspend.reason": "Reason",
  "users.lift": "End the suspension",
  "users.lift.title": "End the suspension of {name}?",
  "groups.hint": "Administrators see groups, and not their messages.",
  "groups.private": "Private conversation",
  "groups.name": "Name",
  "groups.id": "Id",
  "groups.owner": "Owner",
  "groups.members": "Members",
  "groups.state": "State",
  "groups.open": "open",
  "groups.slow": "one message in {seconds} s",
  "webhooks.url": "Address",
  "webhooks.types": "Events",
  "webhooks.created": "Created",
  "webhooks.attempts": "Attempts",
  "settings.hint": "As they are in force. The value of a secret is not shown: it is true if there is one.",
  "settings.find": "Find",
  "settings.name": "Setting",
  "settings.value": "Value",
};

const fr = {
  title: "Administration",
  name: "Nom",
  password: "Mot de passe",
  signIn: "Se connecter",
  signOut: "Se déconnecter",
  refused: "{name} n’est pas administrateur. Adressez-vous à l’exploitant de ce serveur.",
  cancel: "Annuler",
  more: "Afficher la suite",
  none: "Rien à afficher.",
  loading: "Chargement…",
  "part.overview": "Aperçu",
  "part.users": "Utilisateurs",
  "part.groups": "Groupes",
  "part.webhooks": "Webhooks",
  "part.settings": "Réglages",
  "overview.about": "Chinwag {version}. Chiffres du nœud qui répond, des cinq dernières minutes.",
  "overview.refused": "Le proxy devant ce serveur ne laisse pas passer /metrics : il n’y a pas de chiffres ici.",
  "figure.users": "Utilisateurs connectés",
  "figure.sockets": "Connexions",
  "figure.events": "Évènements par seconde",
  "figure.deliveries": "Livraisons par seconde",
  "figure.requests": "Requêtes par seconde",
  "figure.queued": "Trames en attente",
  "figure.files": "Fichiers",
  "figure.memory": "Mémoire",
  "figure.most": "au plus {most}",
  "users.begins": "Le nom commence par",
  "users.name": "Nom",
  "users.kind": "Nature",
  "users.origin": "Origine",
  "users.created": "Création",
  "users.seen": "Vu",
  "users.state": "État",
  "users.acts": "Actions",
  "kind.person": "Personne",
  "kind.bot": "Bot",
  "users.admin": "Administrateur",
  "users.suspended": "Suspendu jusqu’au {until}",
  "users.suspend": "Suspendre",
  "users.suspend.title": "Suspendre {name} ?",
  "users.suspend.hint": "L’utilisateur est déconnecté partout, et voit le motif à l’essai suivant.",
  "users.suspend.until": "Jusqu’au",
  "users.suspend.reason": "Motif",
  "users.lift": "Lever la suspension",
  "users.lift.title": "Lever la suspension de {name} ?",
  "groups.hint": "Les administrateurs voient les groupes, mais pas leurs messages.",
  "groups.private": "Conversation privée",
  "groups.name": "Nom",
  "groups.id": "Identifiant",
  "groups.owner": "Propriétaire",
  "groups.members": "Membres",
  "groups.state": "État",
  "groups.open": "ouvert",
  "groups.slow": "un message toutes les {seconds} s",
  "webhooks.url": "Adresse",
  "webhooks.types": "Évènements",
  "webhooks.created": "Création",
  "webhooks.attempts": "Essais",
  "settings.hint": "Tels qu’ils sont en vigueur. La valeur d’un secret n’est pas affichée : true s’il y en a un.",
  "settings.find": "Chercher",
  "settings.name": "Réglage",
  "settings.value": "Valeur",
};

const isFrench = navigator.language.toLowerCase().startsWith("fr");
const table = isFrench ? fr : en;
const locale = isFrench ? navigator.language : navigator.language.toLowerCase().startsWith("en") ? navigator.language : "en";
const moments = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** The text of a key, with values inserted. */
export function say(key, values = {}) {
  return table[key].replace(/\{(\w+)\}/gu, (_, name) => values[name]);
}
say.lang = isFrench ? "fr" : "en";

export const date = (text) => moments.format(new Date(text));
export const number = (value) => numbers.format(value);

/** A number of bytes. */
export function size(bytes) {
  const power = Math.min(UNITS.length - 1, bytes > 0 ? Math.floor(Math.log10(bytes) / 3) : 0);
  const format = { style: "unit", unit: UNITS[power], maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale, format).format(bytes / 1000 ** power);
}
