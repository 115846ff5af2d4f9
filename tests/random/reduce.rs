//! Making a failing program smaller: lines, and runs of lines with balanced brackets, are left out as long as it fails
//! in the same way.

/// The smallest program found for which `fails` holds, in at most `tries` tries.
pub fn reduce(text: &str, mut tries: usize, fails: impl Fn(&str) -> bool) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    loop {
        let before = lines.len();
        let mut size = (lines.len() / 2).max(1);
        while size > 0 {
            let mut at = 0;
            while at < lines.len() {
                let end = balanced(&lines, at, size);
                if end > at && tries > 0 {
                    let fewer = [&lines[..at], &lines[end..]].concat();
                    tries -= 1;
                    if fails(&fewer.join("\n")) {
                        lines = fewer;
                        continue;
                    }
                }
                at += 1.max(size / 2);
            }
            size /= 2;
        }
        if lines.len() == before || tries == 0 {
            return lines.join("\n") + "\n";
        }
    }
}

/// The end of at least `size` lines from `at` whose brackets are balanced; `at` when there is none.
fn balanced(lines: &[String], at: usize, size: usize) -> usize {
    let mut depth = 0i64;
    for (n, line) in lines[at..].iter().enumerate() {
        for byte in line.bytes() {
            depth += i64::from(byte == b'{') - i64::from(byte == b'}');
            if depth < 0 {
                return at;
            }
        }
        if depth == 0 && n + 1 >= size {
            return at + n + 1;
        }
    }
    at
}
