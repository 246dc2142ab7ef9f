// File URLs with a ticket, which expires after some minutes.

/** Such an address is asked for again before it is used after so long. */
const STALE = 4 * 60_000;

/** Whether the ticket of an address that was asked for at that time may have ended. */
export const isStale = (address, asked) => address.includes("?ticket=") && Date.now() - asked > STALE;

/** Follows a link only after `renew`, which draws it with another address. Nothing announces the press of a finger. */
export async function followAfter(renew, event) {
  const { currentTarget: link } = event;
  event.preventDefault();
  await renew();
  link.click();
}
