//! Waiting in tests: until a condition holds or a deadline passes, never for a fixed time.

use std::time::Duration;

use tokio::time::Instant;

/// The deadline for every wait, long enough for a busy machine.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(10);

/// The deadline of a polling loop.
///
/// ```no_run
/// # async fn test(is_ready: impl AsyncFn() -> bool) {
/// use chinwag_testkit::wait::Wait;
///
/// let wait = Wait::begin();
/// while !is_ready().await {
///     wait.step(|| "it is not ready").await;
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    by: Instant,
}

impl Wait {
    /// A wait of at most [`WAIT_TIMEOUT`].
    pub fn begin() -> Self {
        Self::within(WAIT_TIMEOUT)
    }

    /// A wait of at most `patience`.
    pub fn within(patience: Duration) -> Self {
        Self { by: Instant::now() + patience }
    }

    /// Waits a moment before the next check.
    ///
    /// # Panics
    ///
    /// With the reason, once the deadline has passed.
    pub async fn step<T: std::fmt::Display>(&self, why: impl FnOnce() -> T) {
        self.check(why);
        tokio::time::sleep(STEP).await;
    }

    /// The same on a thread without a runtime.
    pub fn step_blocking<T: std::fmt::Display>(&self, why: impl FnOnce() -> T) {
        self.check(why);
        std::thread::sleep(STEP);
    }

    /// Whether the deadline has passed, for a loop with cleanup.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.by
    }

    fn check<T: std::fmt::Display>(&self, why: impl FnOnce() -> T) {
        assert!(!self.is_over(), "after a long wait: {}", why());
    }
}

/// Waits until a condition holds.
///
/// # Panics
///
/// With `what`, if the condition does not hold within [`WAIT_TIMEOUT`].
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = Wait::begin();
    while !holds() {
        wait.step(|| format!("{what} did not come")).await;
    }
}

/// Retries a connection attempt until the other end answers.
///
/// # Panics
///
/// With the error if it is not `is_away`, and with the last error after [`WAIT_TIMEOUT`].
pub async fn until_connected<T, E, F>(mut attempt: impl FnMut() -> F, is_away: impl Fn(&E) -> bool) -> T
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let wait = Wait::begin();
    loop {
        match attempt().await {
            Ok(connected) => return connected,
            Err(why) if is_away(&why) => wait.step(|| why).await,
            Err(why) => panic!("{why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "after a long wait: the moon did not come")]
    async fn wait_ends_with_its_reason() {
        until("the moon", || false).await;
    }

    #[tokio::test(start_paused = true)]
    async fn slow_server_is_connected_to_in_the_end() {
        let begun = Instant::now();
        let mut refusals = [Err("timed out"), Err("timed out"), Ok(3)].into_iter();
        let attempt = || std::future::ready(refusals.next().expect("it was answered"));
        assert_eq!(until_connected(attempt, |_| true).await, 3);
        assert!(begun.elapsed() < WAIT_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "wrong password")]
    async fn refusal_ends_the_wait_for_a_connection() {
        until_connected(|| std::future::ready(Err::<(), _>("wrong password")), |_| false).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "after a long wait: timed out")]
    async fn wait_for_a_connection_has_a_deadline() {
        until_connected(|| std::future::ready(Err::<(), _>("timed out")), |_| true).await;
    }

    #[tokio::test(start_paused = true)]
    async fn wait_ends_when_it_holds() {
        let begun = Instant::now();
        until("a second", || begun.elapsed() >= Duration::from_secs(1)).await;
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
}
