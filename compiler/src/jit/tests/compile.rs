//! Compiling, linking, running to the end.

use std::num::NonZeroUsize;

use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::types::I64;

use super::support::Maker;
use crate::jit::{JitError, Outcome};
use crate::lower::{DataDecl, DataTarget, namespace};

fn data(bytes: &[u8], size: u64, writable: bool, relocs: Vec<(u32, DataTarget)>) -> DataDecl {
    DataDecl { bytes: bytes.into(), size, align: 8, writable, relocs }
}

#[test]
fn a_value_comes_back() {
    let mut maker = Maker::new("");
    maker.function("main", 0, 0, |code| code.int(-42));
    assert_eq!(maker.outcome(), Outcome::Returned(-42));
}

/// Many functions, each calling the one before it: calls inside a batch, across batches and between threads' work.
fn chain(threads: usize) -> Maker {
    let mut maker = Maker::new("");
    maker.options.threads = NonZeroUsize::new(threads);
    let mut last = maker.function("zero", 0, 1, |code| code.param(0));
    for _ in 0..200 {
        last = maker.function("next", 0, 1, |code| {
            let param = code.param(0);
            let plus = code.b.ins().iadd_imm_s(param, 1);
            code.call(last, &[plus])
        });
    }
    maker.function("main", 0, 0, |code| {
        let zero = code.int(0);
        code.call(last, &[zero])
    });
    maker
}

#[test]
fn many_functions_call_each_other_whatever_the_number_of_threads() {
    for threads in [1, 2, 5] {
        let maker = chain(threads);
        assert_eq!(maker.outcome(), Outcome::Returned(200));
        let program = maker.compile().unwrap();
        assert_eq!(program.code_map().functions().count(), 202);
        let starts: Vec<_> = (0..202).map(|index| program.function(index).unwrap()).collect();
        assert!(starts.is_sorted());
        assert_eq!(program.function(202), None);
    }
}

#[test]
fn data_has_its_contents_and_addresses() {
    let mut maker = Maker::new("");
    maker.data.push(data(&7i64.to_le_bytes(), 8, false, vec![]));
    // A word that points at the constant, one at the function, then zeroes.
    let relocs = vec![(0, DataTarget::Data(0)), (8, DataTarget::Instance(0))];
    maker.data.push(data(&[], 4096, true, relocs));
    maker.function("thousand", 0, 0, |code| code.int(1000));
    maker.function("main", 0, 0, |code| {
        let cell = code.data_address(namespace::DATA, 1);
        let constant = code.load(I64, cell);
        let seven = code.load(I64, constant);
        let second = code.b.ins().iadd_imm_s(cell, 8);
        let function = code.load(I64, second);
        let sig = code.maker.sig(0);
        let sig = code.b.import_signature(sig);
        let call = code.b.ins().call_indirect(sig, function, &[]);
        let thousand = code.b.inst_results(call)[0];
        let last = code.b.ins().iadd_imm_s(cell, 4088);
        let one = code.int(1);
        let zero = code.load(I64, last);
        let sum = code.b.ins().iadd(zero, one);
        code.store(sum, last);
        let stored = code.load(I64, last);
        let sum = code.b.ins().iadd(seven, thousand);
        code.b.ins().iadd(sum, stored)
    });
    assert_eq!(maker.outcome(), Outcome::Returned(1008));
}

#[test]
fn symbols_come_from_the_runtime_and_libc() {
    let mut maker = Maker::new("");
    maker.function("main", 0, 0, |code| {
        let minus = code.int(-5);
        code.call_symbol("labs", &[minus])
    });
    assert_eq!(maker.outcome(), Outcome::Returned(5));
    maker.function("main", 0, 0, |code| code.call_symbol("vexrt_no_such_thing", &[]));
    match maker.compile() {
        Err(JitError::UnknownSymbol(name)) => assert_eq!(name, "vexrt_no_such_thing"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rounding_works_with_and_without_an_instruction_for_it() {
    let mut maker = Maker::new("");
    maker.function("main", 0, 0, |code| {
        let x = code.b.ins().f64const(-2.5);
        let down = code.b.ins().floor(x);
        let y = code.b.ins().fma(down, down, down);
        code.b.ins().fcvt_to_sint_sat(I64, y)
    });
    assert_eq!(maker.outcome(), Outcome::Returned(6));
}

#[test]
fn code_and_constants_are_sealed() {
    let mut maker = Maker::new("constant code\n");
    maker.data.push(data(b"constant", 8, false, vec![]));
    maker.function("main", 0, 0, |code| {
        let constant = code.data_address(namespace::DATA, 0);
        let one = code.int(1);
        code.at("constant");
        code.store(one, constant);
        code.int(0)
    });
    assert!(maker.report().starts_with("wild access at address"), "{}", maker.report());
    maker.function("main", 0, 0, |code| {
        let main = code.function_address(0, 0);
        let one = code.int(1);
        code.at("code");
        code.store(one, main);
        code.int(0)
    });
    assert!(maker.report().contains("at test.vx:1:10"), "{}", maker.report());
}

#[test]
fn memory_is_freed_with_the_program() {
    let mapped = |address: usize| {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().any(|line| {
            let (start, rest) = line.split_once('-').unwrap();
            let end = rest.split(' ').next().unwrap();
            let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
            line.contains(" r-xp ") && (number(start)..number(end)).contains(&address)
        })
    };
    let mut maker = Maker::new("");
    maker.function("main", 0, 0, |code| code.int(0));
    let program = maker.compile().unwrap();
    let address = program.function(0).unwrap().addr();
    assert!(mapped(address));
    drop(program);
    assert!(!mapped(address));
}
