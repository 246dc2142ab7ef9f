// File URLs with a ticket, which expires after some minutes.

/** A URL of this age is requested again before it is used. */
const STALE = 4 * 60_000;

/** Whether the ticket of a URL that was requested at this time may have expired. */
export const isStale = (address, asked) => address.includes("?ticket=") && Date.now() - asked > STALE;

/** Follows a link after `renew` has given it a new URL. A touch screen sends no event before the press. */
export async function followAfter(renew, event) {
  const { currentTarget: link } = event;
  event.preventDefault();
  await renew();
  link.click();
}
