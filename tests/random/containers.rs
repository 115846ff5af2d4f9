//! Random statements about values with an owner, and about vectors and tables.

use super::expressions::Gen;
use super::types::{Int, Ty};

impl Gen {
    /// Values that say when they are dropped, in all places where that can happen.
    pub fn owners(&mut self) -> String {
        let (a, b) = (self.fresh("a"), self.fresh("b"));
        let (x, y, z) = (self.count * 10 + 1, self.count * 10 + 2, self.count * 10 + 3);
        let condition = self.expr(&Ty::Bool, 1);
        let result = self.result.clone();
        let leave = match self.returns && self.chance.one_in(2) {
            true => format!("return {}", self.expr(&result, 1)),
            false => "println(\"stays\")".into(),
        };
        match self.chance.below(12) {
            0 => format!("let! {a} = noisy({x})\nif {condition} {{ {a} = noisy({y}) }}\nprintln({a}.id)"),
            1 => format!("let {a} = noisy({x})\nif {condition} {{ take({a}) }}\nlet {b} = noisy({y})"),
            2 => format!("let {a} = noisy({x})\nif {condition} {{\nlet {b} = noisy({y})\n{leave}\n}}"),
            3 => format!(
                "let! {a} = [noisy({x}), noisy({y})]\n{a}[{} & 1] = noisy({z})",
                self.expr(&Ty::Int(Int::I64), 1)
            ),
            4 => format!(
                "let! {a}: Option<Noisy> = Some(noisy({x}))\nif {condition} {{ {a} = None }}\nif let Some(n) = &{a} {{ println(\"sees\", n.id) }}"
            ),
            5 => format!(
                "let! {a} = Vec.new<Noisy>()\nfor i in 0..3 {{ {a}.push!(noisy({x} + i)) }}\nlet {b} = {a}.remove!({})\nif {condition} {{ {a}.clear!() }}\nprintln({a}.len(), {b}.id)",
                self.chance.below(3)
            ),
            6 => format!(
                "match wrapped({x}, {condition}) {{ Some(n) if n.id % 2 == 0 => {{ println(\"even\", n.id) }}, Some(n) => {{ println(\"odd\", n.id) }}, None => {{ println(\"none\") }} }}"
            ),
            7 => format!(
                "let {a} = Held {{ value: noisy({x}), also: (noisy({y}), {}) }}\nif {condition} {{ match {a} {{ Held {{ value, .. }} => take(value) }} }} else {{ {leave} }}",
                self.literal(&Ty::Bool)
            ),
            8 => format!(
                "let {a} = noisy({x})\nlet {b} = move |n: i64| println(\"keeps\", {a}.id + n)\n{b}(1)\nif {condition} {{ {leave} }}\n{b}(2)"
            ),
            9 => format!("let {a} = (noisy({x}), noisy({y}))\nlet (_, {b}) = {a}\nprintln({b}.id)"),
            10 => format!("noisy({x})\nlet _ = noisy({y})\nprintln(noisy({z}).id, {condition})"),
            _ => format!(
                "for i in 0..3 {{\nlet {a} = noisy({z} + i)\nif i == {x} % 3 {{ continue }}\nif {condition} {{ break }}\nprintln(\"at\", {a}.id)\n}}"
            ),
        }
    }

    /// A vector and what can be done with it.
    pub fn vectors(&mut self) -> String {
        let v = self.fresh("list");
        let ty = self.shapes.any_type(&mut self.chance, 1);
        let value = self.expr(&ty, 1);
        let mut out =
            format!("let! {v}: Vec<{}> = Vec.new()\nfor _ in 0..3 {{ {v}.push!({value}) }}\n", ty.name());
        for _ in 0..1 + self.chance.below(5) {
            let (at, value) = (self.expr(&Ty::Int(Int::I64), 1), self.expr(&ty, 1));
            let line = match self.chance.below(9) {
                0 => format!("{v}.insert!(1, {value})"),
                1 => format!("{v}.swap!(0, 1)"),
                2 => format!("{v}[({at} & 1) as usize] = {value}"),
                3 => format!("{v}.push!({value})\nprintln({v}.pop!())"),
                4 => format!("println({v}.first(), {v}.get(9), {v}.len())"),
                5 if ty.is_ordered() && !matches!(ty, Ty::F32 | Ty::F64 | Ty::Bool) => {
                    format!("{v}.sort!()\nprintln({v}.isSorted())")
                }
                6 if matches!(ty, Ty::Int(_)) => format!("println({v}.iter().map(|n| *n).sum())"),
                7 => format!(
                    "println({v}.clone().len(), {v}.iter().filter(|_| {}).count())",
                    self.expr(&Ty::Bool, 1)
                ),
                _ => format!("{v}.truncate!(3)\nfor e in {v}.iter() {{ println(e) }}"),
            };
            out.push_str(&line);
            out.push('\n');
        }
        out + &format!("println({v})")
    }

    /// A table and what can be done with it.
    pub fn tables(&mut self) -> String {
        let m = self.fresh("table");
        let key = self
            .chance
            .pick(&[Ty::Str, Ty::Bool, Ty::Char, Ty::Int(Int::I64), Ty::Int(Int { bits: 8, signed: false })])
            .clone();
        let ty = self.shapes.any_type(&mut self.chance, 1);
        let mut out = format!("let! {m} = Map.new<{}, {}>()\n", key.name(), ty.name());
        for _ in 0..2 + self.chance.below(5) {
            let (at, value) = (self.expr(&key, 1), self.expr(&ty, 1));
            out.push_str(&match self.chance.below(5) {
                0 => format!("println({m}.remove!({at}))\n"),
                1 => format!("println({m}.get({at}), {m}.contains({at}))\n"),
                2 => format!("println(*{m}.getOrInsert!({at}, {value}))\n"),
                _ => format!("println({m}.insert!({at}, {value}))\n"),
            });
        }
        out + &format!("for (k, v) in {m} {{ println(k, v) }}\nprintln({m}.len())")
    }
}
