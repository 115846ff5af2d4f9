//! What fails, how it is reported, and that whoever started the program goes on.

use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, StackSlotData, StackSlotKind, TrapCode};
use vex_syntax::Spelling;

use super::support::{Code, Maker};
use crate::jit::Outcome;
use crate::lower::traps::Trap;

/// A program of two functions in which `inner` does `body` at the text `here`, and `main` calls it at `there`.
fn nested(body: impl FnOnce(&mut Code<'_>)) -> Maker {
    let mut maker = Maker::new("fn inner\n    let x = here\nfn main\n    there\n");
    let head = maker.position("inner");
    let inner = maker.function("inner", head, 0, |code| {
        code.stack_check();
        code.at("here");
        body(code);
        code.int(0)
    });
    let head = maker.position("main");
    maker.function("main", head, 0, |code| {
        code.stack_check();
        code.at("there");
        code.call(inner, &[])
    });
    maker
}

/// The report of [`nested`] when the first line is `what`.
fn nested_report(what: &str) -> String {
    format!(
        "{what}\n  at test.vx:2:13\n    2 |     let x = here\n      |             ^\n  \
         0: inner  test.vx:2:13\n  1: main   test.vx:4:5\n"
    )
}

#[test]
fn division_traps() {
    let divide = |left: i64, right: i64| {
        nested(move |code| {
            let (left, right) = (code.int(left), code.int(right));
            // Constants would be folded to a trap; this way it is the processor that refuses.
            let address =
                code.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3));
            let address = code.b.ins().stack_addr(I64, address, 0);
            code.store(right, address);
            let right = code.load(I64, address);
            let quotient = code.b.ins().sdiv(left, right);
            code.store(quotient, address);
        })
        .report()
    };
    assert_eq!(divide(1, 0), nested_report("panic: division by zero"));
    let overflow = "panic: division overflow: the smallest value divided by -1";
    assert_eq!(divide(i64::MIN, -1), nested_report(overflow));
}

#[test]
fn trap_instructions() {
    let trap = |code: TrapCode| {
        nested(move |c| {
            let one = c.int(1);
            c.b.ins().trapnz(one, code);
        })
        .report()
    };
    assert_eq!(trap(Trap::Unreachable.code()), nested_report("panic: unreachable code was reached"));
    assert_eq!(trap(Trap::Shift.code()), nested_report("panic: shift by the width of the type or more"));
}

#[test]
fn null_and_wild_accesses() {
    let access = |address: i64, write: bool| {
        nested(move |code| {
            let address = code.int(address);
            if write {
                code.store(address, address);
            } else {
                // A load nobody uses is removed.
                let value = code.load(I64, address);
                code.call_symbol("labs", &[value]);
            }
        })
        .report()
    };
    assert_eq!(access(0, false), nested_report("null pointer access at address 0x0"));
    assert_eq!(access(16, true), nested_report("null pointer access at address 0x10"));
    assert_eq!(access(0x10_0000, false), nested_report("wild access at address 0x100000"));
    assert_eq!(access(0xdead_beef << 24, true), nested_report("wild access at address 0xdeadbeef000000"));
}

#[test]
fn calls_of_what_is_no_function() {
    let call = |address: i64| {
        nested(move |code| {
            let address = code.int(address);
            let sig = code.maker.sig(0);
            let sig = code.b.import_signature(sig);
            code.b.ins().call_indirect(sig, address, &[]);
        })
        .report()
    };
    assert_eq!(call(0), nested_report("call of a null function pointer (address 0x0)"));
    assert_eq!(call(0x7000_0000), nested_report("jump to a wild address 0x70000000"));
    assert_eq!(call(0x4141_4141_4141_4141), nested_report("jump to a wild address 0x4141414141414141"));
}

#[test]
fn faults_in_called_functions_point_at_the_call() {
    let set = nested(|code| {
        let (address, byte, count) = (code.int(0x5000_0000), code.int(0), code.int(100_000));
        code.call_symbol("memset", &[address, byte, count]);
    });
    let report = set.report();
    let (first, rest) = report.split_once('\n').unwrap();
    assert!(first.starts_with("wild access at address 0x500"), "{first}");
    assert_eq!(rest, nested_report("").strip_prefix('\n').unwrap());

    let abort = nested(|code| {
        code.call_symbol("abort", &[]);
    });
    assert_eq!(abort.report(), nested_report("aborted by a called function"));
}

#[test]
fn a_return_address_belongs_to_the_call_before_it() {
    let mut maker = Maker::new("inner\nfirst\nsecond\n");
    let inner = maker.function("inner", 0, 0, |code| {
        code.at("inner");
        let one = code.int(1);
        code.b.ins().trapnz(one, Trap::Unreachable.code());
        one
    });
    maker.function("main", 0, 0, |code| {
        code.at("first");
        code.call(inner, &[]);
        // The very next instruction has another place.
        code.at("second");
        code.call(inner, &[])
    });
    let report = maker.report();
    assert!(report.ends_with("  1: main   test.vx:2:1\n"), "{report}");
}

#[test]
fn panics_of_the_runtime_point_at_the_call() {
    let panic = nested(|code| {
        let (index, len) = (code.int(12), code.int(5));
        code.call_symbol("vexrt_panic_index", &[index, len]);
    });
    let report = panic.report();
    let (first, rest) = report.split_once('\n').unwrap();
    assert!(first.starts_with("panic: index 12 is out of bounds"), "{first}");
    assert_eq!(rest, nested_report("").strip_prefix('\n').unwrap());
}

/// `forever` calls itself, then `main` calls it.
fn recursion(check: bool, frame: u32) -> String {
    let mut maker = Maker::new("fn forever\n  forever()\nfn main\n  start\n");
    let (head, index) = (maker.position("forever"), maker.instances.len() as u32);
    maker.function("forever", head, 1, |code| {
        if check {
            code.stack_check();
        }
        let slot = code.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, frame, 3));
        let slot = code.b.ins().stack_addr(I64, slot, 0);
        let param = code.param(0);
        code.store(param, slot);
        code.at("forever()");
        let value = code.call(index, &[slot]);
        code.b.ins().iadd(value, param)
    });
    maker.function("main", 0, 0, |code| {
        code.at("start");
        let zero = code.int(0);
        code.call(index, &[zero])
    });
    maker.report()
}

#[test]
fn recursion_without_end_is_a_folded_report() {
    // With the check; without it, so that the guard is hit; with frames larger than the guard, which probe it.
    for (check, frame) in [(true, 16), (false, 16), (false, 200_000)] {
        let report = recursion(check, frame);
        assert!(report.starts_with("stack overflow\n  at test.vx:"), "{report}");
        assert!(report.contains("forever  test.vx:2:3\n"), "{report}");
        assert!(report.contains("main     test.vx:4:3\n"), "{report}");
        assert!(report.lines().count() < 12, "{report}");
        assert!(report.contains("more times"), "{report}");
    }
}

#[test]
fn mutual_recursion_is_folded_as_a_cycle() {
    let mut maker = Maker::new("a()\nb()\nmain()\n");
    // `even` is function 0 and calls function 1, which calls it.
    for (name, other) in [("even", 1), ("odd", 0)] {
        maker.function(name, 0, 1, |code| {
            code.at(if other == 1 { "a()" } else { "b()" });
            let param = code.param(0);
            let (stop, go) = (code.b.create_block(), code.b.create_block());
            code.b.ins().brif(param, go, &[], stop, &[]);
            code.b.switch_to_block(stop);
            code.b.ins().trap(Trap::Unreachable.code());
            code.b.switch_to_block(go);
            let less = code.b.ins().iadd_imm_s(param, -1);
            code.call(other, &[less])
        });
    }
    maker.function("main", 0, 0, |code| {
        code.at("main()");
        let count = code.int(99);
        code.call(0, &[count])
    });
    let report = maker.report();
    let trace = report.split_once("^\n").unwrap().1;
    assert_eq!(
        trace,
        "    0: odd   test.vx:2:1\n    1: even  test.vx:1:1\n  … these 2 calls repeated 49 more times\n  \
         100: main  test.vx:3:1\n"
    );
}

#[test]
fn a_long_backtrace_keeps_both_ends() {
    let mut maker = Maker::new("deep()\nmain()\n");
    let mut last = maker.function("f0", 0, 0, |code| {
        code.at("deep()");
        let one = code.int(1);
        code.b.ins().trapnz(one, Trap::Unreachable.code());
        one
    });
    for index in 1..200 {
        last = maker.function(&format!("f{index}"), 0, 0, |code| {
            code.at("deep()");
            code.call(last, &[])
        });
    }
    maker.function("main", 0, 0, |code| {
        code.at("main()");
        code.call(last, &[])
    });
    let report = maker.report();
    assert!(report.contains("    0: f0 "), "{report}");
    assert!(report.contains("… more calls, not shown\n  189: f189"), "{report}");
    assert!(report.ends_with("  200: main  test.vx:2:1\n"), "{report}");
}

#[test]
fn a_failure_in_the_library_points_at_the_users_line() {
    let mut maker = Maker::new("fn main\n  use_it()\n");
    maker.sources.add("std/lib.vx", None, Spelling::Vex, "fn library\n  fails\n", true).unwrap();
    let inner = maker.function("library", 0, 0, |code| {
        code.at("fails");
        let one = code.int(1);
        code.b.ins().trapnz(one, Trap::Unreachable.code());
        one
    });
    maker.function("main", 0, 0, |code| {
        code.at("use_it");
        code.call(inner, &[])
    });
    assert_eq!(
        maker.report(),
        "panic: unreachable code was reached\n  at test.vx:2:3\n    2 |   use_it()\n      |   ^\n  \
         0: library  std/lib.vx:2:3\n  1: main     test.vx:2:3\n"
    );
}

#[test]
fn a_callback_from_c_shows_both_sides() {
    let mut maker = Maker::new("compare\nsort\n");
    let compare = maker.function("compare", 0, 2, |code| {
        code.at("compare");
        let one = code.int(1);
        code.b.ins().trapnz(one, Trap::Unreachable.code());
        one
    });
    maker.function("main", 0, 0, |code| {
        let slot = code.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 64, 3));
        let slot = code.b.ins().stack_addr(I64, slot, 0);
        let (count, size) = (code.int(8), code.int(8));
        let function = code.function_address(compare, 2);
        code.at("sort");
        code.call_symbol("qsort", &[slot, count, size, function])
    });
    let report = maker.report();
    assert!(report.ends_with("  0: compare  test.vx:1:1\n  1: main     test.vx:2:1\n"), "{report}");
}

#[test]
fn a_smashed_stack_still_gives_a_report() {
    let report = nested(|code| {
        // The frame pointer and return address of `inner` and more become nonsense.
        let slot = code.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3));
        let slot = code.b.ins().stack_addr(I64, slot, 0);
        let (byte, count) = (code.int(0x41), code.int(32));
        code.call_symbol("memset", &[slot, byte, count]);
    })
    .report();
    assert_eq!(report.lines().next(), Some("jump to a wild address 0x4141414141414141"), "{report}");
    assert!(report.contains("  0: inner  test.vx:"), "{report}");
}

#[test]
fn writing_past_the_end_of_the_stack_is_a_fault() {
    let report = nested(|code| {
        let slot = code.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3));
        let slot = code.b.ins().stack_addr(I64, slot, 0);
        let (byte, count) = (code.int(0), code.int(10_000));
        code.call_symbol("memset", &[slot, byte, count]);
    })
    .report();
    assert!(report.starts_with("wild access at address 0x"), "{report}");
}

#[test]
fn exit_comes_back_to_a_session() {
    let maker = nested(|code| {
        let status = code.int(7);
        code.call_symbol("vexrt_exit", &[status]);
    });
    assert_eq!(maker.outcome(), Outcome::Exited(7));
    assert_eq!(maker.outcome(), Outcome::Exited(7));
}

#[test]
fn a_run_in_a_run_fails_alone() {
    extern "C" fn inside() -> i64 {
        let report = nested(|code| {
            let zero = code.int(0);
            code.store(zero, zero);
        })
        .report();
        i64::from(report.starts_with("null pointer access"))
    }
    let mut maker = Maker::new("outer\n");
    maker.function("main", 0, 0, |code| {
        let address = code.int(inside as *const () as i64);
        let sig = code.maker.sig(0);
        let sig = code.b.import_signature(sig);
        let call = code.b.ins().call_indirect(sig, address, &[]);
        code.b.inst_results(call)[0]
    });
    assert_eq!(maker.outcome(), Outcome::Returned(1));
}

#[test]
fn faults_on_several_threads_stay_apart() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let report = recursion(true, 16);
                    assert!(report.starts_with("stack overflow"), "{report}");
                }
            });
        }
    });
}
