//! The last values of one datapoint, bounded in number and in bytes.

use std::collections::VecDeque;

use fieldrail_model::{Sample, Timestamp, Value};

/// The longest value that is kept, in bytes. Of a longer one only that it came is kept.
const LONGEST_VALUE: usize = 64 * 1024;

/// What an entry takes beside its value's own memory.
const ENTRY: usize = size_of::<Sample>();

/// The last values of one datapoint, the oldest first.
pub(super) struct Ring {
    samples: VecDeque<Sample>,
    most: usize,
    most_bytes: usize,
    /// What the values and notes take outside of the entries.
    heap: usize,
}

impl Ring {
    /// For so many values, which may take so many bytes; the oldest go first.
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { samples: VecDeque::new(), most: most.max(1), most_bytes, heap: 0 }
    }

    /// What the ring takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.samples.capacity() * ENTRY + self.heap
    }

    /// Keeps a sample that is true since `now`; what is too much of the oldest goes.
    pub(super) fn push(&mut self, sample: &Sample, now: Timestamp) {
        let mut kept = Sample { receive_time: now, origin: None, ..sample.clone() };
        if heap_of(&kept) > LONGEST_VALUE {
            kept.note = Some("too long to be kept".into());
            kept.value = Value::Null;
        }
        let more = heap_of(&kept);
        while self.samples.len() >= self.most
            || !self.samples.is_empty() && self.heap + more + self.samples.len() * ENTRY > self.most_bytes
        {
            let Some(oldest) = self.samples.pop_front() else { break };
            self.heap -= heap_of(&oldest);
        }
        if self.samples.len() == self.samples.capacity() {
            // Not more than will ever be needed.
            let wanted = (self.samples.len() * 2).clamp(4, self.most);
            self.samples.reserve_exact(wanted - self.samples.len());
        }
        self.heap += more;
        self.samples.push_back(kept);
    }

    /// Gives up the oldest eighth, and the memory that it took.
    pub(super) fn shorten(&mut self) {
        let gone = (self.samples.len() / 8).max(1).min(self.samples.len());
        let freed: usize = self.samples.drain(..gone).map(|sample| heap_of(&sample)).sum();
        self.heap -= freed;
        self.samples.shrink_to_fit();
    }

    /// Whether the last one says the same.
    pub(super) fn ends_with(&self, sample: &Sample) -> bool {
        self.samples.back().is_some_and(|last| {
            last.quality == sample.quality
                && last.source_time == sample.source_time
                && (last.value == sample.value || heap_of(sample) > LONGEST_VALUE)
        })
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Sample> {
        self.samples.iter()
    }
}

/// What a value and its note take outside of their entry.
fn heap_of(sample: &Sample) -> usize {
    let value = match &sample.value {
        Value::Text(text) | Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    value + sample.note.as_ref().map_or(0, |note| note.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize, n: i64) -> Sample {
        Sample::good(Value::text("x".repeat(length)), Timestamp(n))
    }

    #[test]
    fn long_values_push_out_more_than_short_ones_and_a_giant_is_only_noted() {
        const MOST_BYTES: usize = 256 * 1024;
        let mut ring = Ring::new(100, MOST_BYTES);
        for n in 0..50 {
            ring.push(&text(20_000, n), Timestamp(n));
        }
        assert_eq!(ring.iter().count(), 13);
        ring.push(&text(70_000, 50), Timestamp(50));
        let last = ring.iter().next_back().unwrap();
        assert_eq!((&last.value, last.note.as_deref()), (&Value::Null, Some("too long to be kept")));
        assert!(ring.ends_with(&text(70_000, 50)));
        assert!(ring.bytes() < MOST_BYTES + 100 * ENTRY);
    }
}
