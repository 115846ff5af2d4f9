//! How long inputs take.

use std::time::{Duration, Instant};

use vex_syntax::Spelling;

use super::input::Source;
use super::output::Muted;
use super::{Reply, Session};
use crate::types::Ty;

/// How long one sample of a benchmark should take.
const SAMPLE: Duration = Duration::from_millis(20);

/// How many samples are taken.
const SAMPLES: usize = 15;

/// Most rounds of one sample.
const MOST_ROUNDS: u64 = 1_000_000_000;

impl Session {
    /// `:time`
    pub(super) fn time(&mut self, args: &str) -> Reply {
        if args.is_empty() {
            self.error("`:time` needs an input", Some("for instance `:time fib(30)`"));
            return self.reply(false, false);
        }
        let name = self.next_name();
        let source = Source { name, path: None, spelling: self.spelling, text: args };
        self.phases = None;
        let start = Instant::now();
        let mut reply = self.run_source(source, args);
        if let Some(phases) = self.phases.take() {
            let all = start.elapsed();
            let parts: Vec<String> =
                phases.0.iter().map(|(name, time)| format!("{name} {}", shown(*time))).collect();
            self.fresh_line();
            self.say_line(format_args!("{} ({})", shown(all), parts.join(", ")));
        }
        reply.at_line_start = true;
        reply
    }

    /// `:bench`
    pub(super) fn bench(&mut self, args: &str) -> Reply {
        if args.is_empty() {
            self.error("`:bench` needs an expression", Some("for instance `:bench fib(20)`"));
            return self.reply(false, false);
        }
        let Some(checked) = self.try_check(args) else { return self.reply(false, false) };
        let ty = checked.shown.filter(|shown| !shown.borrowed).map(|shown| shown.ty);
        self.forget(checked);
        let mut rounds = 1;
        let mut taken = loop {
            let Some(taken) = self.sample(args, ty, rounds) else { return self.reply(false, false) };
            if taken >= SAMPLE || rounds >= MOST_ROUNDS {
                break taken;
            }
            let missing = SAMPLE.as_secs_f64() / taken.as_secs_f64().max(1e-6);
            rounds = ((rounds as f64 * missing.clamp(1.5, 100.0)) as u64).min(MOST_ROUNDS);
        };
        let mut each = vec![nanos(taken, rounds)];
        while each.len() < SAMPLES && taken < SAMPLE * 50 {
            let Some(next) = self.sample(args, ty, rounds) else { return self.reply(false, false) };
            taken = next.max(Duration::from_nanos(1));
            each.push(nanos(taken, rounds));
        }
        each.sort_by(f64::total_cmp);
        let (median, least, most) = (each[each.len() / 2], each[0], each[each.len() - 1]);
        self.fresh_line();
        self.say_line(format_args!(
            "{} a round (least {}, most {}; {} samples of {} rounds)",
            figure(median),
            figure(least),
            figure(most),
            each.len(),
            rounds
        ));
        self.reply(true, false)
    }

    /// Runs the expression so many times, in one loop of compiled code. What it allocates is not recorded, and what it
    /// prints not shown.
    fn sample(&mut self, text: &str, ty: Option<Ty>, rounds: u64) -> Option<Duration> {
        let (kept, round) = (unused("kept", text), unused("round", text));
        // A comment after the expression ends with its line.
        let body = match ty {
            // Kept in a variable, so that it is computed each time.
            Some(ty) if !self.program.types.needs_drop(ty) => match self.spelling {
                Spelling::Vais => {
                    format!("{kept} := mut\n{text}\nL {round}: 0..{rounds} {{ {kept} = {text}\n}}")
                }
                Spelling::Vex => {
                    format!("let! {kept} =\n{text}\nfor {round} in 0..{rounds} {{ {kept} = {text}\n}}")
                }
                Spelling::Vera => {
                    format!("var {kept} =\n{text}\nfor {round} in 0..{rounds} {{ {kept} = {text}\n}}")
                }
            },
            _ => match self.spelling {
                Spelling::Vais => format!("L {round}: 0..{rounds} {{ {text}\n}}"),
                _ => format!("for {round} in 0..{rounds} {{ {text}\n}}"),
            },
        };
        let recorded = self.code.record_allocations(false);
        let muted = Muted::begin();
        let result = self.run_aside(&body);
        drop(muted);
        self.code.record_allocations(recorded);
        result.map(|(taken, _)| taken)
    }
}

/// A name that a text does not mention.
fn unused(name: &str, text: &str) -> String {
    let mut name = name.to_string();
    while text.contains(&name) {
        name.push('_');
    }
    name
}

fn nanos(taken: Duration, rounds: u64) -> f64 {
    taken.as_secs_f64() * 1e9 / rounds as f64
}

/// A time in the unit that suits it.
fn shown(time: Duration) -> String {
    figure(time.as_secs_f64() * 1e9)
}

/// Nanoseconds in the unit that suits them.
fn figure(nanos: f64) -> String {
    match nanos {
        n if n < 1e3 => format!("{n:.1} ns"),
        n if n < 1e6 => format!("{:.1} µs", n / 1e3),
        n if n < 1e9 => format!("{:.1} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_benchmark_hide_none_of_its_expression() {
        assert_eq!(unused("kept", "f(3)"), "kept");
        assert_eq!(unused("kept", "kept + kept_"), "kept__");
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!(figure(0.4), "0.4 ns");
        assert_eq!(shown(Duration::from_nanos(1500)), "1.5 µs");
        assert_eq!(shown(Duration::from_millis(250)), "250.0 ms");
        assert_eq!(shown(Duration::from_secs(3)), "3.00 s");
    }
}
