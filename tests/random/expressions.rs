//! Random expressions of a wanted type, without side effects beyond calls of the program's own functions.

use super::types::{Chance, Int, Shapes, Ty};

/// A variable that can be used here.
#[derive(Clone)]
pub struct Var {
    pub name: String,
    pub ty: Ty,
    pub changes: bool,
}

/// A function of the program.
pub struct Function {
    pub name: String,
    pub parameters: Vec<Ty>,
    pub result: Ty,
}

/// What a random program is made from, and the variables that are known where it is being written.
pub struct Gen {
    pub chance: Chance,
    pub shapes: Shapes,
    pub functions: Vec<Function>,
    pub vars: Vec<Var>,
    /// Calls of functions that are still allowed, so that programs end soon.
    pub calls: usize,
    /// For names that differ.
    pub count: usize,
    /// The result type of the function that is being written.
    pub result: Ty,
    /// How many loops are around, each of few rounds.
    pub loops: usize,
    /// Whether `return` is possible here: not in the body of a closure or `defer`.
    pub returns: bool,
}

impl Gen {
    /// A name nobody has.
    pub fn fresh(&mut self, start: &str) -> String {
        self.count += 1;
        format!("{start}{}", self.count)
    }

    /// A value of a type that a literal is.
    pub fn literal(&mut self, ty: &Ty) -> String {
        let chance = &mut self.chance;
        match ty {
            Ty::Bool => chance.pick(&["true", "false"]).to_string(),
            Ty::Char => {
                chance.pick(&["'a'", "'Z'", "'0'", "'ß'", "'\\n'", "'\\''", "'😀'", "' '"]).to_string()
            }
            Ty::Str => {
                let texts = [
                    "\"\"",
                    "\"a\"",
                    "\"héllo\"",
                    "\"tab\\tquote\\\"\"",
                    "\"back\\\\slash\"",
                    "\"true\"",
                    "\"R E F\"",
                    "\"# no // comment\"",
                ];
                chance.pick(&texts).to_string()
            }
            Ty::Int(int) => {
                let value = int.value(chance);
                if value < 0 { format!("({value}{})", int.name()) } else { format!("{value}{}", int.name()) }
            }
            Ty::F64 => {
                chance.pick(&["0.0", "1.5", "(-2.25)", "1e300", "0.1", "3.0", "(-0.0)", "1e-7"]).to_string()
            }
            Ty::F32 => chance.pick(&["0.5f32", "1.0f32", "(-3.75f32)", "0.1f32", "1e30f32"]).to_string(),
            _ => self.build(ty, 0),
        }
    }

    /// A compound value from its parts.
    fn build(&mut self, ty: &Ty, depth: usize) -> String {
        let list = |gen_: &mut Gen, types: &[Ty]| -> Vec<String> {
            types.iter().map(|t| gen_.expr(t, depth)).collect()
        };
        match ty {
            Ty::Tuple(parts) => format!("({})", list(self, parts).join(", ")),
            Ty::Array(element, n) if self.chance.one_in(3) => format!("[{}; {n}]", self.expr(element, depth)),
            Ty::Array(element, n) => {
                format!("[{}]", (0..*n).map(|_| self.expr(element, depth)).collect::<Vec<_>>().join(", "))
            }
            Ty::Struct(i) => {
                let types = self.shapes.structs[*i].fields.clone();
                let fields = list(self, &types);
                let fields: Vec<_> = fields.iter().enumerate().map(|(n, e)| format!("f{n}: {e}")).collect();
                format!("(Data{i} {{ {} }})", fields.join(", "))
            }
            Ty::Enum(i) => {
                let n = self.chance.below(self.shapes.enums[*i].variants.len());
                let (types, named) = {
                    let v = &self.shapes.enums[*i].variants[n];
                    (v.payload.clone(), v.named)
                };
                let parts = list(self, &types);
                let path = self
                    .chance
                    .pick(&[format!("V{i}{n}"), format!("Kind{i}.V{i}{n}"), format!("Kind{i}::V{i}{n}")])
                    .clone();
                let fields: Vec<_> = parts.iter().enumerate().map(|(n, e)| format!("f{n}: {e}")).collect();
                match (parts.is_empty(), named) {
                    (true, _) => path,
                    (_, true) => format!("({path} {{ {} }})", fields.join(", ")),
                    (_, false) => format!("{path}({})", parts.join(", ")),
                }
            }
            Ty::Option(inner) if self.chance.one_in(3) => format!("no_value<{}>()", inner.name()),
            Ty::Option(inner) => format!("Some({})", self.expr(inner, depth)),
            Ty::Result(inner) if self.chance.one_in(3) => {
                format!("failed<{}>({})", inner.name(), self.literal(&Ty::Str))
            }
            Ty::Result(inner) => format!("passed({})", self.expr(inner, depth)),
            Ty::Pair(a, b) => {
                format!("(Pair {{ first: {}, second: {} }})", self.expr(a, depth), self.expr(b, depth))
            }
            _ => self.literal(ty),
        }
    }

    /// An expression of this type.
    pub fn expr(&mut self, ty: &Ty, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(ty);
        }
        let less = depth - 1;
        match self.chance.below(12) {
            0 => self.leaf(ty),
            1 => format!(
                "({} ? {} : {})",
                self.expr(&Ty::Bool, less),
                self.expr(ty, less),
                self.expr(ty, less)
            ),
            2 => format!(
                "(if {} {{ {} }} else {{ {} }})",
                self.expr(&Ty::Bool, less),
                self.expr(ty, less),
                self.expr(ty, less)
            ),
            3 => self.call(ty, less),
            4 => format!(
                "pick({}, {}, {})",
                self.expr(&Ty::Bool, less),
                self.expr(ty, less),
                self.expr(ty, less)
            ),
            5 if self.chance.one_in(2) => self.closure_call(ty, less),
            5 => self.choice(ty, less),
            6 => self.part(ty, less),
            7 if ty.is_ordered() && *ty != Ty::Bool => {
                format!("largest({}, {})", self.expr(ty, less), self.expr(ty, less))
            }
            _ => self.operation(ty, less),
        }
    }

    /// A variable of this type, or a part of one, or a literal.
    fn leaf(&mut self, ty: &Ty) -> String {
        let mut found = Vec::new();
        for (i, var) in self.vars.iter().enumerate() {
            if self.vars[i + 1..].iter().any(|v| v.name == var.name) {
                continue;
            }
            if var.ty == *ty {
                found.push(var.name.clone());
            }
            match &var.ty {
                Ty::Struct(s) => {
                    let fields = self.shapes.structs[*s].fields.iter().enumerate();
                    found.extend(fields.filter(|(_, f)| *f == ty).map(|(n, _)| format!("{}.f{n}", var.name)));
                }
                Ty::Tuple(parts) => {
                    let parts = parts.iter().enumerate();
                    found.extend(parts.filter(|(_, f)| *f == ty).map(|(n, _)| format!("{}.{n}", var.name)));
                }
                Ty::Pair(a, _) if **a == *ty => found.push(format!("{}.first", var.name)),
                _ => {}
            }
        }
        if found.is_empty() || self.chance.one_in(4) {
            self.literal(ty)
        } else {
            self.chance.pick(&found).clone()
        }
    }

    /// A call of one of the program's functions, if one has this result and there may be one more call.
    fn call(&mut self, ty: &Ty, depth: usize) -> String {
        let fits: Vec<_> = (0..self.functions.len()).filter(|i| self.functions[*i].result == *ty).collect();
        if fits.is_empty() || self.calls == 0 || self.loops > 0 {
            return self.operation(ty, depth);
        }
        self.calls -= 1;
        let function = *self.chance.pick(&fits);
        let types = self.functions[function].parameters.clone();
        let arguments: Vec<_> = types.iter().map(|t| self.expr(t, depth)).collect();
        format!("{}({})", self.functions[function].name, arguments.join(", "))
    }

    /// A closure that is called at once, by a function.
    fn closure_call(&mut self, ty: &Ty, depth: usize) -> String {
        let parameter = self.fresh("p");
        let argument = self.expr(ty, depth);
        let (known, returns) = (self.vars.len(), self.returns);
        self.vars.push(Var { name: parameter.clone(), ty: ty.clone(), changes: false });
        self.returns = false;
        let body = self.expr(ty, depth);
        self.returns = returns;
        self.vars.truncate(known);
        let closure = match self.chance.one_in(3) {
            true => format!("|{parameter}: {}|: {} {{ {body} }}", ty.name(), ty.name()),
            false => format!("|{parameter}: {}| {body}", ty.name()),
        };
        format!("apply({closure}, {argument})")
    }

    /// A part of a compound value that is made for it.
    fn part(&mut self, ty: &Ty, depth: usize) -> String {
        let int = Ty::Int(Int::any(&mut self.chance));
        match self.chance.below(6) {
            0 => format!("({}, {}).1", self.literal(&Ty::Bool), self.expr(ty, depth)),
            1 => {
                let elements: Vec<_> = (0..4).map(|_| self.expr(ty, depth.min(1))).collect();
                format!("[{}][{} & 3]", elements.join(", "), self.expr(&int, depth))
            }
            2 => format!(
                "{}.unwrapOr({})",
                self.expr(&Ty::Option(Box::new(ty.clone())), depth),
                self.expr(ty, depth)
            ),
            3 => {
                let other = self.shapes.any_type(&mut self.chance, 0);
                format!(
                    "{}.swapped().second",
                    self.expr(&Ty::Pair(Box::new(ty.clone()), Box::new(other)), depth)
                )
            }
            4 => format!("({{ let held = {}; held }})", self.expr(ty, depth)),
            _ => self.leaf(ty),
        }
    }

    /// What an operator or a conversion makes.
    fn operation(&mut self, ty: &Ty, depth: usize) -> String {
        match ty {
            Ty::Bool => self.truth(depth),
            Ty::Int(int) => self.number(*int, depth),
            Ty::F32 | Ty::F64 => match self.chance.below(5) {
                0 => format!("({} as {})", self.expr(&Ty::Int(Int::I64), depth), ty.name()),
                1 => format!("(-{})", self.expr(ty, depth)),
                _ => {
                    let operator = *self.chance.pick(&["+", "-", "*", "/"]);
                    format!("({} {operator} {})", self.expr(ty, depth), self.expr(ty, depth))
                }
            },
            Ty::Char => format!(
                "(({} & 0x7F) as u8 as char)",
                self.expr(&Ty::Int(Int { bits: 8, signed: false }), depth)
            ),
            Ty::Str => self.leaf(ty),
            _ => self.build(ty, depth),
        }
    }

    fn truth(&mut self, depth: usize) -> String {
        match self.chance.below(5) {
            0 => format!("!{}", self.expr(&Ty::Bool, depth)),
            1 | 2 => {
                let operator = *self.chance.pick(&["&&", "||", "==", "!="]);
                format!("({} {operator} {})", self.expr(&Ty::Bool, depth), self.expr(&Ty::Bool, depth))
            }
            _ => {
                let ty = self.shapes.any_type(&mut self.chance, 1);
                let operators: &[&str] = match (ty.is_ordered() && ty != Ty::Bool, ty.has_eq(&self.shapes)) {
                    (true, _) => &["<", "<=", ">", ">=", "==", "!="],
                    (_, true) => &["==", "!="],
                    _ => return self.leaf(&Ty::Bool),
                };
                let operator = *self.chance.pick(operators);
                format!("({} {operator} {})", self.expr(&ty, depth), self.expr(&ty, depth))
            }
        }
    }

    fn number(&mut self, int: Int, depth: usize) -> String {
        let ty = Ty::Int(int);
        let name = int.name();
        match self.chance.below(12) {
            0 => format!("({} / (({} & 7) + 1))", self.expr(&ty, depth), self.expr(&ty, depth)),
            1 => format!("({} % (({} & 7) + 1))", self.expr(&ty, depth), self.expr(&ty, depth)),
            2 => format!("({} << ({} & {}))", self.expr(&ty, depth), self.expr(&ty, depth), int.bits - 1),
            3 => format!("({} >> ({} & {}))", self.expr(&ty, depth), self.expr(&ty, depth), int.bits - 1),
            4 => format!("~{}", self.expr(&ty, depth)),
            5 if int.signed => format!("(-{})", self.expr(&ty, depth)),
            6 => {
                let from = self.chance.pick(&[Ty::Bool, Ty::Char, Ty::F64, Ty::F32]).clone();
                let via = if from == Ty::Char { " as u32" } else { "" };
                format!("({}{via} as {name})", self.expr(&from, depth))
            }
            7 | 5 => {
                let from = Int::any(&mut self.chance);
                format!("({} as {name})", self.expr(&Ty::Int(from), depth))
            }
            8 => {
                let f = *self.chance.pick(&["checked_add", "checked_sub", "checked_mul"]);
                let (a, b, c) = (self.expr(&ty, depth), self.expr(&ty, depth), self.expr(&ty, depth));
                format!("({a}).{f}({b}).unwrapOr({c})")
            }
            9 => format!("({}.len() as {name})", self.expr(&Ty::Str, depth)),
            _ => {
                let operator = *self.chance.pick(&["+", "-", "*", "&", "|", "^"]);
                format!("({} {operator} {})", self.expr(&ty, depth), self.expr(&ty, depth))
            }
        }
    }
}
