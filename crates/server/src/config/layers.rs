//! The layers of the configuration: flags override the environment, which overrides the file, which overrides the
//! defaults. Layers are merged key by key, so that an error can name the key and its source.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Config, Problems, variables};

/// The default configuration file, which need not exist.
const FILE: &str = "chinwag.toml";
const PREFIX: &str = "CHINWAG_";

/// The values of the command line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// The path of the configuration file.
    pub(crate) file: Option<PathBuf>,
    /// Settings by their keys.
    pub(crate) settings: Vec<(&'static str, Value)>,
}

/// Loads and merges all layers, and checks the result.
pub(crate) fn load(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, Problems> {
    let mut layers = Layers::new();
    layers.file(flags.file.as_deref());
    let mut environment: Vec<_> = environment.into_iter().filter_map(variable).collect();
    environment.sort();
    for (name, value) in environment {
        match value.to_str() {
            Some(text) => layers.variable(&name, text),
            None => layers.problems.add(format!("{name} must be UTF-8 text")),
        }
    }
    for (path, value) in &flags.settings {
        let flag = path.rsplit('.').next().unwrap_or(path).replace('_', "-");
        let path: Vec<_> = path.split('.').map(str::to_owned).collect();
        layers.set(&path, vec![value.clone()], &format!("--{flag}"));
    }
    layers.finish()
}

/// A variable that is a setting of Chinwag; else `None`.
fn variable((name, value): (OsString, OsString)) -> Option<(String, OsString)> {
    let name = name.into_string().ok()?;
    let ours = name.starts_with(PREFIX)
        && !variables::ALL.contains(&&*name)
        && !is_set_by_orchestrator(&name, &value.to_string_lossy());
    (ours && !value.is_empty()).then_some((name, value))
}

/// Whether an orchestrator set this variable, not an operator. Kubernetes sets such variables in every container if a
/// service is named `chinwag` or, for example, `chinwag-redis`, and old versions of Docker do so for linked containers.
fn is_set_by_orchestrator(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
}

/// The merged settings so far, and the problems found.
struct Layers {
    tree: Value,
    problems: Problems,
}

impl Layers {
    fn new() -> Self {
        let tree = serde_json::to_value(Config::default()).expect("the defaults are plain data");
        Self { tree, problems: Problems::default() }
    }

    fn file(&mut self, named: Option<&Path>) {
        let path = named.unwrap_or(Path::new(FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(why) if named.is_none() && why.kind() == std::io::ErrorKind::NotFound => return,
            Err(why) => {
                self.problems.add(format!("the configuration file {} cannot be read: {why}", path.display()));
                return;
            }
        };
        match toml::from_str::<Map<String, Value>>(&text) {
            Ok(table) => self.table(&[], table, &path.display().to_string()),
            Err(why) => {
                let before = why.span().map_or("", |span| text.get(..span.start).unwrap_or(&text));
                let (line, message) = (before.lines().count().max(1), why.message().replace('\n', ", "));
                self.problems.add(format!("{}, line {line}: {message}", path.display()));
            }
        }
    }

    fn table(&mut self, at: &[String], table: Map<String, Value>, source: &str) {
        for (key, value) in table {
            let path = [at, &[key]].concat();
            match (value, self.find(&path)) {
                (Value::Object(inner), Some(Value::Object(_))) => self.table(&path, inner, source),
                (value, _) => self.set(&path, vec![value], source),
            }
        }
    }

    /// Sets a key from a variable. A variable is text: the setting's type decides how it is parsed.
    fn variable(&mut self, name: &str, text: &str) {
        let path: Vec<_> = name[PREFIX.len()..].to_ascii_lowercase().split("__").map(str::to_owned).collect();
        let plain = Value::from(text);
        let parsed = serde_json::from_str::<Value>(text.trim());
        let list =
            || text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect();
        let candidates = match self.find(&path) {
            Some(Value::Bool(_) | Value::Number(_)) => vec![parsed.unwrap_or(plain)],
            Some(Value::Array(_)) => vec![list()],
            // A setting without a default may have any type.
            Some(Value::Null) => [Some(plain), parsed.ok(), Some(list())].into_iter().flatten().collect(),
            _ => vec![plain],
        };
        self.set(&path, candidates, name);
    }

    /// Sets a key to the first of these values that the setting accepts.
    fn set(&mut self, path: &[String], values: Vec<Value>, source: &str) {
        let key = path.join(".");
        match self.find(path) {
            None => {
                let unknown = self.unknown(path, source);
                return self.problems.add(unknown);
            }
            Some(Value::Object(_)) => {
                return self.problems.add(format!("{source}: {key} is a section, with keys of its own"));
            }
            Some(_) => {}
        }
        let mut wrong = None;
        for value in values {
            let mut tree = self.tree.clone();
            *find_mut(&mut tree, path).expect("it was found above") = value;
            match serde_json::from_value::<Config>(tree.clone()) {
                Ok(_) => return self.tree = tree,
                Err(why) => wrong = wrong.or(Some(why)),
            }
        }
        let why = wrong.map_or(String::new(), |why| format!(": {}", in_words(&why.to_string())));
        self.problems.add(format!("{source}: {key} has a value of the wrong kind{why}"));
    }

    fn find(&self, path: &[String]) -> Option<&Value> {
        path.iter().try_fold(&self.tree, |value, key| value.get(key))
    }

    fn unknown(&self, path: &[String], source: &str) -> String {
        let mut known = Vec::new();
        leaves(&self.tree, "", &mut known);
        let given = path.join(".");
        let likeness = |key: &String| strsim::jaro_winkler(key, &given);
        let nearest = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let meant = match nearest.filter(|key| likeness(key) > 0.8) {
            Some(key) if source.starts_with(PREFIX) => {
                let name = key.to_ascii_uppercase().replace('.', "__");
                format!("; did you mean {PREFIX}{name}?")
            }
            Some(key) => format!("; did you mean {key}?"),
            None => String::new(),
        };
        format!("{source}: there is no setting {given}{meant}")
    }

    fn finish(mut self) -> Result<Config, Problems> {
        let config: Config = serde_json::from_value(self.tree).expect("every setting was tried");
        config.check(&mut self.problems);
        if self.problems.none() { Ok(config) } else { Err(self.problems) }
    }
}

/// Serde's error text with words in place of Rust type names.
fn in_words(why: &str) -> String {
    let Some((found, expected)) = why.rsplit_once("expected ") else { return why.to_owned() };
    let expected = match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number that is not negative",
        "f64" => "a number",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a section",
        other => other,
    };
    format!("{found}expected {expected}")
}

fn find_mut<'a>(tree: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(tree, |value, key| value.get_mut(key))
}

fn leaves(value: &Value, at: &str, known: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, &if at.is_empty() { key.clone() } else { format!("{at}.{key}") }, known);
            }
        }
        _ => known.push(at.to_owned()),
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").field("problems", &self.problems).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn from(
        file: &str,
        environment: &[(&str, &str)],
        flags: &[(&'static str, Value)],
    ) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chinwag.toml");
        std::fs::write(&path, file).unwrap();
        let flags = Flags { file: Some(path.clone()), settings: flags.to_vec() };
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        load(&flags, environment).map_err(|why| why.to_string().replace(&path.display().to_string(), "FILE"))
    }

    fn refused(file: &str, environment: &[(&str, &str)]) -> String {
        from(file, environment, &[]).unwrap_err()
    }

    #[test]
    fn flags_beat_variables_beat_the_file_beat_defaults() {
        let file = "listen = \"a:1\"\ndata = \"file\"\n[ws]\nmax_frame = 2048\nping = \"5s\"";
        let variables = [("CHINWAG_LISTEN", "b:2"), ("CHINWAG_WS__MAX_FRAME", "4096")];
        let config = from(file, &variables, &[("listen", "c:3".into())]).unwrap();
        assert_eq!(config.listen, "c:3");
        assert_eq!(config.ws.max_frame, 4096);
        assert_eq!(config.data, Path::new("file"));
        assert_eq!(config.ws.ping.0, Duration::from_secs(5));
        assert_eq!(config.ws.pong.0, Duration::from_secs(60));
    }

    #[test]
    fn a_variables_text_is_read_as_its_setting_asks() {
        let variables = [
            ("CHINWAG_AUTH__SIGNUP", "false"),
            ("CHINWAG_LIMITS__EVENTS_PER_SECOND", "7"),
            ("CHINWAG_HTTP__ORIGINS", "https://a.example, https://b.example"),
            ("CHINWAG_AUTH__VALIDATE_URL", "http://127.0.0.1/whoami"),
            ("CHINWAG_DATA", "5"),
            ("CHINWAG_REDIS", ""),
            ("CHINWAG_FILES__TYPES", "image/*, application/pdf"),
        ];
        let config = from("", &variables, &[]).unwrap();
        assert!(!config.auth.signup(false));
        assert_eq!(config.limits.events_per_second, 7);
        assert_eq!(config.http.origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.auth.validate_url.as_deref(), Some("http://127.0.0.1/whoami"));
        assert_eq!(config.data, Path::new("5"));
        assert_eq!(config.redis, None);
        let types = config.files.types.unwrap_or_default();
        assert_eq!(types, ["image/*", "application/pdf"]);
    }

    #[test]
    fn unknown_settings_are_reported_with_the_nearest_name() {
        assert_eq!(
            refused("[ws]\nmax_fram = 1", &[]),
            "FILE: there is no setting ws.max_fram; did you mean ws.max_frame?"
        );
        assert_eq!(refused("qqqq = 1", &[]), "FILE: there is no setting qqqq");
        assert_eq!(
            refused("", &[("CHINWAG_AUTH__SIGNUPS", "true")]),
            "CHINWAG_AUTH__SIGNUPS: there is no setting auth.signups; did you mean CHINWAG_AUTH__SIGNUP?"
        );
    }

    #[test]
    fn what_an_orchestrator_sets_is_no_setting() {
        let variables = [
            ("CHINWAG_SERVICE_HOST", "10.0.0.1"),
            ("CHINWAG_PORT", "tcp://10.0.0.1:8000"),
            ("CHINWAG_PORT_8000_TCP_ADDR", "10.0.0.1"),
            ("CHINWAG_SERVICE_PORT_HTTP", "8000"),
            ("CHINWAG_REDIS_SERVICE_HOST", "10.0.0.2"),
            ("CHINWAG_REDIS_SERVICE_PORT", "6379"),
            ("CHINWAG_REDIS_PORT", "tcp://10.0.0.2:6379"),
            ("CHINWAG_REDIS_PORT_6379_TCP_PROTO", "tcp"),
        ];
        assert!(from("", &variables, &[]).is_ok());
        assert!(
            refused("", &[("CHINWAG_PORT", "9000")]).starts_with("CHINWAG_PORT: there is no setting port")
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_or_out_of_bounds_is_one_sentence() {
        assert!(refused("open = 3", &[]).starts_with("FILE: open has a value of the wrong kind: "));
        let refusal = refused("[ws]\nmax_frame = -1", &[]);
        assert!(refusal.ends_with("expected a whole number that is not negative"), "{refusal}");
        assert!(refused("ws = 3", &[]).contains("ws is a section"));
        assert!(refused("[ws]\nping = 30", &[]).contains("must be a duration such as"));
        assert!(refused("x = ", &[]).starts_with("FILE, line 1: "), "{}", refused("x = ", &[]));
        assert_eq!(refused("[ws]\nmax_frame = 5", &[]), "ws.max_frame must be 1024 to 16777216 bytes, not 5");
        assert_eq!(
            refused("[shutdown]\ndrain = \"2h\"", &[]),
            "shutdown.drain must be between 0s and 10m, not 2h"
        );
        for url in ["http://", "ftp://host.example/", "host.example"] {
            let refusal = refused("", &[("CHINWAG_AUTH__VALIDATE_URL", url)]);
            assert_eq!(refusal, "auth.validate_url must be an absolute http or https URL");
        }
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let problems = refused("nonsense = 1\ndatabase = \"mysql://db\"", &[("CHINWAG_OPEN", "perhaps")]);
        assert_eq!(problems.lines().count(), 3, "{problems}");
    }

    #[test]
    fn the_defaults_are_in_bounds() {
        assert!(from("", &[], &[]).is_ok());
    }
}
