//! Before anything is measured: does the contender route all datapoints, scale them right and hold back what fails
//! the condition? A contender that does less work than the others must not look quicker.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::codec;
use crate::interrupt;
use crate::load::{self, DATAPOINTS, Path, Step, Subscriber};

/// How long a contender may take from its start until all datapoints come through.
const READY: Duration = Duration::from_mins(1);
/// How long the last positive value may take to overtake the negative ones.
const THROUGH: Duration = Duration::from_secs(5);
/// How long to listen on for negative values that come later.
const LINGER: Duration = Duration::from_millis(300);

/// Waits until one message a datapoint comes through without loss. Takes its sequence numbers from `next`.
pub(crate) fn routes_all(path: Path, next: &mut u64) -> Result<()> {
    let mut last = None;
    let ready = interrupt::wait_until(READY, || {
        let count = u64::from(DATAPOINTS);
        let outcome = load::run(path, Step { rate: 2000, count, first: *next })?;
        *next += count;
        let failure = outcome.failure().filter(|_| outcome.delivered < count || outcome.doubled + outcome.wrong > 0);
        last = failure;
        Ok(last.is_none())
    })?;
    ensure!(ready, "not all {DATAPOINTS} datapoints come through: {}", last.unwrap_or_default());
    Ok(())
}

/// Publishes one negative value a datapoint, then one positive: only that one may come out.
pub(crate) fn holds_back(path: Path, next: &mut u64) -> Result<()> {
    let mut subscriber = Subscriber::open(path)?;
    let mut publisher = load::connect(path.port, "bench-publisher")?;
    let sequence = next.next_multiple_of(u64::from(DATAPOINTS));
    *next = sequence + 1;
    let mut batch = Vec::new();
    for index in 0..DATAPOINTS {
        codec::push_publish(&mut batch, &format!("in/{index}"), b"-7");
    }
    codec::push_publish(&mut batch, "in/0", sequence.to_string().as_bytes());
    publisher.write_all(&batch)?;
    let (mut came, mut leaked) = (false, 0_u32);
    let mut listen = || {
        subscriber.receive(|arrived| if arrived == Some(sequence) { came = true } else { leaked += 1 })?;
        Ok(came)
    };
    interrupt::wait_until(THROUGH, &mut listen)?;
    interrupt::wait_until(LINGER, || listen().map(|_| false))?;
    ensure!(came, "a positive value does not come through after negative ones");
    ensure!(leaked == 0, "{leaked} values came out that do not fulfil the condition `value > 0`");
    Ok(())
}
