//! What the parts of the handoff cost, one by one, on one thread: nothing here waits for another core's cache lines.
//!
//! `cargo bench --bench handoff` prints the table; `callback` has the costs between cores.

#[cfg(not(loom))]
mod bench {
    use hearken::handoff::gate::Gate;
    use hearken::handoff::newest::newest;
    use hearken::handoff::pool::pool;
    use hearken::handoff::seqlock::seqlock;
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    /// Operations in a measurement, and measurements.
    const OPERATIONS: u32 = 100_000;
    const MEASUREMENTS: usize = 31;

    /// Prints the nanoseconds of one `operation`: of the fastest measurement, the median one, the slowest one.
    fn measure(name: &str, mut operation: impl FnMut(u64)) {
        let mut number = 0;
        let mut times: Vec<f64> = (0..MEASUREMENTS)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..OPERATIONS {
                    number += 1;
                    operation(number);
                }
                start.elapsed().as_nanos() as f64 / f64::from(OPERATIONS)
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let [min, median, max] = [0, MEASUREMENTS / 2, MEASUREMENTS - 1].map(|at| times[at]);
        println!("{name:<52} {min:>7.2} {median:>7.2} {max:>7.2}");
    }

    pub fn run() {
        println!("ns per operation, {MEASUREMENTS} measurements of {OPERATIONS} operations each");
        println!("{:<52} {:>7} {:>7} {:>7}", "", "min", "median", "max");
        measure("(the loop alone)", |number| {
            black_box(number);
        });

        // The engine's header is about as large.
        let (mut producer, mut consumer) = pool::<[u64; 5]>(32, 4096);
        measure("pool: acquire, commit, pop, give_back", |number| {
            black_box(producer.acquire());
            producer.commit([number; 5]);
            let block = consumer.pop().expect("it was just committed");
            black_box(block.header());
            consumer.give_back(block);
        });
        measure("pool: acquire, write 64 bytes, commit, pop, give_back", |number| {
            black_box(producer.acquire());
            producer.append(black_box(&[number as u8; 64]));
            producer.commit([number; 5]);
            let block = consumer.pop().expect("it was just committed");
            black_box(consumer.bytes(&block)[0]);
            consumer.give_back(block);
        });
        measure("pool: pop, nothing there", |_| {
            black_box(consumer.pop().is_none());
        });

        let gate = Gate::new(0_u64);
        measure("gate: enter and leave", |number| {
            black_box(gate.enter(|visits| *visits = number));
        });

        // As many words as the callback's record has.
        let (mut writer, mut reader) = seqlock::<4>();
        measure("seqlock: publish 4 words", |number| writer.publish(black_box([number; 4])));
        measure("seqlock: read 4 words", |_| {
            black_box(reader.read());
        });

        let (mut writer, mut reader) = newest(&[0_u64; 64]);
        let now = Duration::from_secs(1);
        measure("newest: publish 512 bytes", |number| writer.publish(|value| value.fill(black_box(number))));
        measure("newest: read, nothing new", |_| {
            black_box(reader.read(now)[0]);
        });
        measure("newest: publish 512 bytes and read", |number| {
            writer.publish(|value| value.fill(black_box(number)));
            black_box(reader.read(now)[0]);
        });
    }
}

fn main() {
    #[cfg(not(loom))]
    bench::run();
}
