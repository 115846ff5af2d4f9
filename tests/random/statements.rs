//! Random statements, which print much of what they compute.

use super::expressions::{Gen, Var};
use super::types::{Int, Ty};

impl Gen {
    /// Some statements, of blocks inside of each other at most `depth` deep; what they declare is forgotten after them.
    pub fn block(&mut self, count: usize, depth: usize) -> String {
        let known = self.vars.len();
        let mut out = String::new();
        for _ in 0..count {
            let statement = self.statement(depth);
            out.push_str(&statement);
            out.push('\n');
        }
        self.vars.truncate(known);
        out
    }

    /// Any statement.
    pub fn statement(&mut self, depth: usize) -> String {
        match self.chance.below(if depth == 0 { 9 } else { 20 }) {
            0..=2 => self.declaration(),
            3 | 4 => self.change(),
            5 | 6 => self.print(),
            7 => format!("note({:?}, {})", "n", self.expr(&Ty::Int(Int::I64), 1)),
            8 if self.loops == 0 && self.returns => {
                format!("defer println(\"deferred {{}}\", {})", self.simple())
            }
            8 => self.print(),
            9 | 10 => self.branches(depth - 1),
            11 | 12 if self.loops < 2 => self.looping(depth - 1),
            13 => self.looks(depth - 1),
            14 => self.captures(),
            15 | 16 => self.owners(),
            17 => self.vectors(),
            18 => self.tables(),
            19 if self.returns => {
                let result = self.result.clone();
                format!("if {} {{ return {} }}", self.expr(&Ty::Bool, 1), self.expr(&result, 1))
            }
            _ => self.inner_function(),
        }
    }

    /// A leaf that is cheap to print.
    fn simple(&mut self) -> String {
        let ty = self.shapes.any_type(&mut self.chance, 1);
        self.expr(&ty, 0)
    }

    fn declaration(&mut self) -> String {
        let ty = self.shapes.any_type(&mut self.chance, 2);
        let value = self.expr(&ty, 2);
        let changes = self.chance.one_in(2);
        let old = self.chance.one_in(5) && !self.vars.is_empty();
        // Sometimes it hides another one; and words of the other spellings are names, too.
        let name = match (old, self.chance.below(12)) {
            (true, _) => self.chance.pick(&self.vars).name.clone(),
            (_, 0) => self
                .chance
                .pick(&["E", "R", "F", "I", "L", "C", "M", "S", "X", "var", "function", "mut"][..11])
                .to_string(),
            _ => self.fresh("v"),
        };
        let written = if self.chance.one_in(2) { format!(": {}", ty.name()) } else { String::new() };
        self.vars.push(Var { name: name.clone(), ty, changes });
        format!("let{} {name}{written} = {value}", if changes { "!" } else { "" })
    }

    /// An assignment to a variable, a field or an element.
    fn change(&mut self) -> String {
        let visible = |i: usize| !self.vars[i + 1..].iter().any(|v| v.name == self.vars[i].name);
        let some: Vec<_> = (0..self.vars.len()).filter(|i| self.vars[*i].changes && visible(*i)).collect();
        if some.is_empty() {
            return self.declaration();
        }
        let var = self.vars[*self.chance.pick(&some)].clone();
        let (place, ty) = self.place(var.name, var.ty);
        match &ty {
            Ty::Int(_) if self.chance.one_in(2) => {
                let operator = *self.chance.pick(&["+=", "-=", "*=", "&=", "|=", "^="]);
                format!("{place} {operator} {}", self.expr(&ty, 2))
            }
            _ => format!("{place} = {}", self.expr(&ty, 2)),
        }
    }

    /// A part of a place, or all of it.
    fn place(&mut self, name: String, ty: Ty) -> (String, Ty) {
        if self.chance.one_in(4) {
            return (name, ty);
        }
        match ty {
            Ty::Struct(i) => {
                let n = self.chance.below(self.shapes.structs[i].fields.len());
                let field = self.shapes.structs[i].fields[n].clone();
                self.place(format!("{name}.f{n}"), field)
            }
            Ty::Tuple(parts) => {
                let n = self.chance.below(parts.len());
                self.place(format!("{name}.{n}"), parts[n].clone())
            }
            Ty::Array(element, n) => {
                let ty = Ty::Int(Int::any(&mut self.chance));
                let index = self.expr(&ty, 1);
                self.place(format!("{name}[{index} & {}]", n - 1), *element)
            }
            ty => (name, ty),
        }
    }

    fn print(&mut self) -> String {
        let ty = self.shapes.any_type(&mut self.chance, 2);
        let value = self.expr(&ty, 2);
        let other = self.simple();
        match self.chance.below(6) {
            0 => format!("println({value})"),
            1 => format!("println(\"[{{:?}}] {{}}\", {value}, {other})"),
            2 if !self.vars.is_empty() => {
                let name = self.chance.pick(&self.vars).name.clone();
                format!("println(\"{name} is {{{name}}} and {{{name}:?}}, {{}}\", {value})")
            }
            3 => {
                let spec = self.chance.pick(&["{:x}", "{:08b}", "{:>12}", "{:<6}|"]);
                format!("println(\"{spec}\", {})", self.expr(&Ty::Int(Int::I64), 2))
            }
            4 => format!(
                "println(\"{{:.3}} {{:>8}}\", {}, {})",
                self.expr(&Ty::F64, 2),
                self.expr(&Ty::Bool, 1)
            ),
            _ => format!("println({value}, {other})"),
        }
    }

    fn branches(&mut self, depth: usize) -> String {
        let (first, second) = (self.expr(&Ty::Bool, 2), self.expr(&Ty::Bool, 1));
        let (a, b, c) = (self.block(2, depth), self.block(2, depth), self.block(1, depth));
        match self.chance.below(3) {
            0 => format!("if {first} {{\n{a}}}"),
            1 => format!("if {first} {{\n{a}}} else {{\n{b}}}"),
            _ => format!("if {first} {{\n{a}}} elif {second} {{\n{b}}} else {{\n{c}}}"),
        }
    }

    fn looping(&mut self, depth: usize) -> String {
        let i = self.fresh("i");
        let rounds = 1 + self.chance.below(4);
        let condition = self.expr(&Ty::Bool, 1);
        let known = self.vars.len();
        let kind = self.chance.below(7);
        let element = self.shapes.any_type(&mut self.chance, 1);
        let array = self.expr(&Ty::Array(Box::new(element.clone()), 4), 1);
        let ty = if kind == 3 { element } else { Ty::Int(Int::I64) };
        self.vars.push(Var { name: i.clone(), ty, changes: false });
        self.loops += 1;
        let body = self.block(2, depth);
        let stop = match self.chance.below(3) {
            0 => format!("if {} {{ break }}\n", self.expr(&Ty::Bool, 1)),
            1 => format!("if {} {{ continue }}\n", self.expr(&Ty::Bool, 1)),
            _ => String::new(),
        };
        let rest = self.block(1, 0);
        self.loops -= 1;
        self.vars.truncate(known);
        match kind {
            0 => format!("for {i} in 0..{rounds} {{\n{{\n{body}}}\n{stop}{rest}}}"),
            1 => format!("for {i} in -1..={rounds} {{\n{{\n{body}}}\n{stop}{rest}}}"),
            2 => format!(
                "for {i} in numbers({rounds}).filter(|n| *n % 2 == 0).map(|n| n * 3) {{\n{{\n{body}}}\n{stop}{rest}}}"
            ),
            3 => format!("for {i} in {array} {{\n{{\n{body}}}\n{stop}{rest}}}"),
            4 => {
                let sum = self.fresh("v");
                let found = format!(
                    "let {sum} = loop {{\n{i} += 1\nif {i} > {rounds} {{ break {i} * 2 }}\n{{\n{body}}}\n{rest}}}"
                );
                format!("let! {i} = 0\n{found}\nprintln({sum})")
            }
            5 => format!(
                "let! {i} = 0\nwhile {i} < {rounds} && {condition} {{\n{i} += 1\n{{\n{body}}}\n{stop}{rest}}}"
            ),
            _ => format!(
                "for ({i}, of) in Vec.of(&[true, false]).iter().enumerate() {{\nlet {i} = {i} as i64\nprintln(of)\n{{\n{body}}}\n{stop}{rest}}}"
            ),
        }
    }

    /// `if let` and `match` as statements.
    fn looks(&mut self, depth: usize) -> String {
        let on = self.shapes.any_type(&mut self.chance, 2);
        let value = self.expr(&on, 1);
        let known = self.vars.len();
        let pattern = self.pattern(&on, 2);
        let more =
            if self.chance.one_in(2) { format!(" && {}", self.expr(&Ty::Bool, 1)) } else { String::new() };
        let body = self.block(2, depth);
        self.vars.truncate(known);
        let other = self.block(1, depth);
        match self.chance.one_in(2) {
            true => format!("if let {pattern} = {value}{more} {{\n{body}}} else {{\n{other}}}"),
            false => format!("match {value} {{\n{pattern} => {{\n{body}}}\n_ => {{\n{other}}}\n}}"),
        }
    }

    /// Closures that see a variable change, and change one themselves.
    fn captures(&mut self) -> String {
        let (total, add, show) = (self.fresh("total"), self.fresh("add"), self.fresh("show"));
        let ty = Ty::Int(Int::any(&mut self.chance));
        let start = self.expr(&ty, 1);
        let returns = std::mem::replace(&mut self.returns, false);
        let step = self.expr(&ty, 2);
        let shown = self.simple();
        self.returns = returns;
        let moves = *self.chance.pick(&["", "move "]);
        let name = ty.name();
        format!(
            "let! {total}: {name} = {start}\nlet {add} = |by: {name}| {{ {total} += by ^ {step} }}\n\
             {add}({start})\nmany({}, |round| {{ {total} = {total} * 3 + round as {name} }})\n{add}({step})\n\
             let {show} = {moves}|| println(\"shown\", {shown}, {total})\n{show}()\n{show}()",
            1 + self.chance.below(3)
        )
    }

    /// A function inside of this block, which does not see its variables.
    fn inner_function(&mut self) -> String {
        let name = self.fresh("inner");
        let (from, to) =
            (self.shapes.any_type(&mut self.chance, 1), self.shapes.any_type(&mut self.chance, 1));
        let argument = self.expr(&from, 1);
        let vars = std::mem::take(&mut self.vars);
        self.vars.push(Var { name: "given".into(), ty: from.clone(), changes: false });
        let body = self.expr(&to, 2);
        self.vars = vars;
        format!(
            "fn {name}(given: {}): {} {{ return {body} }}\nprintln({name}({argument}))",
            from.name(),
            to.name()
        )
    }
}
