//! Whole random programs.

use std::fmt::Write as _;

use super::expressions::{Function, Gen, Var};
use super::types::{Chance, Int, Shapes, Ty};

/// What all programs have.
const START: &str = r#"import "std/vec"
import "std/map"

let! steps = 0

fn note(what: str, n: i64) { steps += 1; println("{what} {n} {steps}") }

contract Score {
    score(): i64
    twice(): i64 { return self.score() * 2 }
    told() { println("score", self.score(), self.twice()) }
}

struct Noisy: $Drop { id: i64 }
fn (self: &Noisy!) drop() { println("drop {}", self.id) }
fn noisy(id: i64): Noisy { println("make {id}"); return Noisy { id } }
fn take(n: Noisy) { println("take {}", n.id) }
fn wrapped(id: i64, is: bool): Option<Noisy> { if is { return Some(noisy(id)) }; None }
struct Held { value: Noisy, also: (Noisy, bool) }

struct Pair<A, B> { first: A, second: B }
fn (self: &Pair<A, B>) swapped<A: Copy, B: Copy>(): Pair<B, A> {
    return Pair { first: self.second, second: self.first }
}

fn pick<T>(is: bool, a: T, b: T): T { return is ? a : b }
fn largest<T: Ord + Copy>(a: T, b: T): T { if a > b { return a }; return b }
fn apply<T, F: fn(T): T>(f: F, value: T): T { return f(value) }
fn many<F: fn(i64)>(times: i64, f: F) { for i in 0..times { f(i) } }
fn no_value<T>(): Option<T> { return None }
fn passed<T>(value: T): Result<T, str> { return Ok(value) }
fn failed<T>(why: str): Result<T, str> { return Err(why) }
fn scores<A: Score, B: Score>(a: &A, b: &B): i64 { a.told(); return a.score() - b.twice() }

struct Numbers { now: i64, end: i64 }
fn numbers(end: i64): Numbers { return Numbers { now: 0, end } }
impl Iterator<i64> for Numbers {
    fn next!(&self!): Option<i64> {
        if self.now >= self.end { return None }
        self.now += 1
        return Some(self.now)
    }
}

struct Vector: Add, Sub, Neg, Eq, Ord { x: i64, on: bool }
fn (self: &Vector) op+(o: &Vector): Vector { return Vector { x: self.x + o.x, on: self.on || o.on } }
fn (self: &Vector) op-(o: &Vector): Vector { return Vector { x: self.x - o.x, on: self.on && o.on } }
fn (self: &Vector) neg(): Vector { return Vector { x: -self.x, on: !self.on } }
fn (self: &Vector!) grow!(by: i64) { self.x += by; self.on = by > 3 }
fn grow_by(v: &Vector!, by: &i64) { v.grow!(*by); v.x ^= 1 }

"#;

/// The program of a seed.
pub fn program(seed: u64) -> String {
    let mut chance = Chance::new(seed);
    let shapes = Shapes::any(&mut chance);
    let result = Ty::Int(Int::I64);
    let mut gen_ = Gen {
        chance,
        shapes,
        functions: Vec::new(),
        vars: Vec::new(),
        calls: 0,
        count: 0,
        result,
        loops: 0,
        returns: true,
    };
    let mut out = START.to_owned();
    out.push_str(&gen_.shapes.text());
    for i in 0..gen_.shapes.structs.len() {
        let types = gen_.shapes.structs[i].fields.clone();
        gen_.vars = types
            .iter()
            .enumerate()
            .map(|(n, ty)| Var { name: format!("self.f{n}"), ty: ty.clone(), changes: false })
            .collect();
        let score = gen_.expr(&Ty::Int(Int::I64), 2);
        let _ = writeln!(out, "fn (self: &Data{i}) score(): i64 {{ return {score} }}");
        if gen_.chance.one_in(3) {
            let twice = gen_.expr(&Ty::Int(Int::I64), 1);
            let _ = writeln!(out, "fn (self: &Data{i}) twice(): i64 {{ return {twice} }}");
        }
    }
    for i in 0..2 + gen_.chance.below(3) {
        out.push_str(&gen_.function(i));
    }
    out.push_str(&gen_.main());
    out
}

impl Gen {
    /// A function, which later ones can call.
    fn function(&mut self, number: usize) -> String {
        let types: Vec<_> =
            (0..self.chance.below(4)).map(|_| self.shapes.any_type(&mut self.chance, 1)).collect();
        self.result = self.shapes.any_type(&mut self.chance, 2);
        self.vars = types
            .iter()
            .enumerate()
            .map(|(n, ty)| Var { name: format!("p{n}"), ty: ty.clone(), changes: false })
            .collect();
        let written: Vec<_> = self.vars.iter().map(|v| format!("{}: {}", v.name, v.ty.name())).collect();
        self.calls = 2;
        let result = self.result.clone();
        let mut body = String::new();
        for _ in 0..2 + self.chance.below(4) {
            body += &self.statement(2);
            body.push('\n');
        }
        // The value of an option or a result may be that of another one.
        match &result {
            Ty::Option(inner) if self.chance.one_in(2) => {
                body += &format!(
                    "let got = {}?\nreturn Some(pick({}, got, {}))",
                    self.expr(&result, 1),
                    self.expr(&Ty::Bool, 1),
                    self.expr(inner, 1)
                );
            }
            Ty::Result(inner) if self.chance.one_in(2) => {
                body += &format!(
                    "return passed(pick({}, {}?, {}))",
                    self.expr(&Ty::Bool, 1),
                    self.expr(&result, 1),
                    self.expr(inner, 1)
                );
            }
            _ if self.chance.one_in(2) => body += &self.expr(&result, 2),
            _ => body += &format!("return {}", self.expr(&result, 2)),
        }
        let name = format!("made{number}");
        self.functions.push(Function { name: name.clone(), parameters: types, result: result.clone() });
        format!("fn {name}({}): {} {{\n{body}\n}}\n", written.join(", "), result.name())
    }

    /// The function where it starts.
    fn main(&mut self) -> String {
        self.vars.clear();
        self.result = Ty::Int(Int::I64);
        self.calls = 4;
        // Its result would have to be a status.
        self.returns = false;
        let mut body = String::new();
        for _ in 0..6 + self.chance.below(8) {
            body += &self.statement(3);
            body.push('\n');
        }
        for i in 0..self.functions.len() {
            let types = self.functions[i].parameters.clone();
            let arguments: Vec<_> = types.iter().map(|t| self.expr(t, 1)).collect();
            let _ = writeln!(body, "println(made{i}({}))", arguments.join(", "));
        }
        let (a, b) =
            (self.chance.below(self.shapes.structs.len()), self.chance.below(self.shapes.structs.len()));
        let (one, two) = (self.literal(&Ty::Struct(a)), self.literal(&Ty::Struct(b)));
        let (x, on) = (self.expr(&Ty::Int(Int::I64), 2), self.expr(&Ty::Bool, 2));
        let _ = write!(
            body,
            "println(scores(&{one}, &{two}))\nlet! vector = Vector {{ x: {x}, on: {on} }}\n\
             let moved = -vector + Vector {{ x: 3, on: true }} - vector\nvector.grow!(4)\ngrow_by(&vector!, &{x})\n\
             println(vector, moved, vector == moved, vector < moved)\n"
        );
        for var in self.vars.clone() {
            let _ = writeln!(body, "println({})", var.name);
        }
        format!("fn main(): i64 {{\n{body}return {} & 0x7F\n}}\n", self.expr(&Ty::Int(Int::I64), 1))
    }
}
