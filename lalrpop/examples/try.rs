//! Temporary.
use vex_syntax::*;
fn main() {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::stdin(), &mut text).unwrap();
    for part in text.split("====") {
        let (ext, body) = part.trim_start_matches('\n').split_once('\n').unwrap();
        let sp = Spelling::from_extension(ext.trim()).unwrap();
        let mut map = SourceMap::new();
        let id = map.add(format!("a.{ext}"), None, sp, body, false).unwrap();
        let (unit, d) = parse_file(body, map.file(id).base, sp);
        println!("######## {} top {} errors", unit.top.len(), d.len());
        for d in d {
            println!("{}", render(&d, &map, false));
        }
    }
}
