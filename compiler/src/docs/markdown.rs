//! Documentation text, which is Markdown: as HTML, and made ready for a terminal.

use pulldown_cmark::{
    BrokenLink, CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd,
};
use vex_syntax::Spelling;

use super::code;

/// Where names in a text lead.
pub(super) trait Links {
    /// The address of what a name in square brackets means.
    fn reference(&self, name: &str) -> Option<String>;
    /// The address of what code means that is a name.
    fn code(&self, name: &str) -> Option<String>;
}

/// A text as HTML. Tags in it are text, code without a tag is in `spelling`, links lead to names or to the web.
pub(super) fn to_html(text: &str, spelling: Spelling, links: &dyn Links) -> String {
    let mut broken = |link: BrokenLink<'_>| {
        let name = link.reference.trim_matches('`');
        links.reference(name).map(|href| (CowStr::from(href), CowStr::from("")))
    };
    let parser = Parser::new_with_broken_link_callback(text, Options::empty(), Some(&mut broken));
    let mut writer = Writer { spelling, links, events: Vec::new(), block: None, inside: Vec::new() };
    parser.for_each(|event| writer.event(event));
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, writer.events.into_iter());
    out
}

/// The first sentence of a text as HTML that can stand inside a paragraph.
pub(super) fn summary_to_html(summary: &str, spelling: Spelling, links: &dyn Links) -> String {
    let html = to_html(summary, spelling, links);
    let inner = html.trim().strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
    inner.filter(|html| !html.contains("<p>")).map_or_else(|| code::escape(summary), str::to_owned)
}

struct Writer<'a> {
    spelling: Spelling,
    links: &'a dyn Links,
    events: Vec<Event<'a>>,
    /// The code block that is being read: its spelling and text so far.
    block: Option<(Option<Spelling>, String)>,
    /// For every open link or image whether it is written.
    inside: Vec<bool>,
}

impl<'a> Writer<'a> {
    fn event(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let spelling = match &kind {
                    CodeBlockKind::Indented => Some(self.spelling),
                    CodeBlockKind::Fenced(info) => match info.split_whitespace().next() {
                        None => Some(self.spelling),
                        Some(tag) => Spelling::from_extension(tag),
                    },
                };
                self.block = Some((spelling, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => self.end_block(),
            Event::Text(text) if self.block.is_some() => {
                if let Some((_, code)) = &mut self.block {
                    code.push_str(&text);
                }
            }
            Event::Code(text) => self.code(text),
            Event::Html(text) | Event::InlineHtml(text) => self.events.push(Event::Text(text)),
            Event::Start(Tag::HtmlBlock) => self.events.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => self.events.push(Event::End(TagEnd::Paragraph)),
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let found = matches!(
                    link_type,
                    LinkType::ShortcutUnknown | LinkType::CollapsedUnknown | LinkType::ReferenceUnknown
                );
                let dest_url = if found { Some(dest_url) } else { self.destination(dest_url) };
                self.inside.push(dest_url.is_some());
                if let Some(dest_url) = dest_url {
                    self.events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
                }
            }
            // Nothing is shown from elsewhere: an image is its description.
            Event::Start(Tag::Image { .. }) => self.inside.push(false),
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if self.inside.pop() == Some(true) {
                    self.events.push(Event::End(TagEnd::Link));
                }
            }
            Event::Start(Tag::Heading { level, .. }) => {
                let level = below(level);
                let (id, classes, attrs) = (None, Vec::new(), Vec::new());
                self.events.push(Event::Start(Tag::Heading { level, id, classes, attrs }));
            }
            Event::End(TagEnd::Heading(level)) => {
                self.events.push(Event::End(TagEnd::Heading(below(level))));
            }
            event => self.events.push(event),
        }
    }

    fn end_block(&mut self) {
        let Some((spelling, text)) = self.block.take() else { return };
        let html = match spelling {
            Some(spelling) => code::highlight(&text, spelling, &|_| None),
            None => code::escape(&text),
        };
        self.events.push(Event::Html(format!("<pre><code>{html}</code></pre>\n").into()));
    }

    fn code(&mut self, text: CowStr<'a>) {
        let link = if self.inside.contains(&true) { None } else { self.links.code(&text) };
        let shown = code::escape(&text);
        let html = match link {
            Some(href) => format!("<a href=\"{}\"><code>{shown}</code></a>", code::escape(&href)),
            None => format!("<code>{shown}</code>"),
        };
        self.events.push(Event::InlineHtml(html.into()));
    }

    /// Where a link with an address may lead: to the web or to what a name means. Everything else would be dead or
    /// worse.
    fn destination(&self, url: CowStr<'a>) -> Option<CowStr<'a>> {
        let lower = url.to_ascii_lowercase();
        if ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme)) {
            return Some(url);
        }
        self.links.reference(&url).map(CowStr::from)
    }
}

/// The level of a heading inside the documentation of an entry, which is below that of the entry.
fn below(level: HeadingLevel) -> HeadingLevel {
    if level == HeadingLevel::H1 { HeadingLevel::H5 } else { HeadingLevel::H6 }
}

/// A text as [`crate::explain::render`] takes it: names in brackets are code, links are their text and address.
pub(super) fn for_terminal(text: &str, resolves: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut fenced = false;
    for line in text.lines() {
        let fence = line.starts_with("```");
        fenced ^= fence;
        if fenced || fence {
            out.push_str(line);
        } else {
            brackets(line, resolves, &mut out);
        }
        out.push('\n');
    }
    out
}

fn brackets(line: &str, resolves: &dyn Fn(&str) -> bool, out: &mut String) {
    let mut rest = line;
    let mut code = false;
    while let Some(at) = rest.find(['`', '[']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let skip = if found.starts_with('`') {
            code = !code;
            None
        } else if code {
            None
        } else {
            link(found, resolves)
        };
        match skip {
            Some((shown, length)) => {
                out.push_str(&shown);
                rest = &found[length..];
            }
            None => {
                out.push_str(&found[..1]);
                rest = &found[1..];
            }
        }
    }
    out.push_str(rest);
}

/// What a link at the start of `text` is shown as, and its length.
fn link(text: &str, resolves: &dyn Fn(&str) -> bool) -> Option<(String, usize)> {
    let close = text.find(']')?;
    let inner = &text[1..close];
    let after = &text[close + 1..];
    if let Some(url) = after.strip_prefix('(') {
        let end = url.find(')')?;
        let length = close + 1 + 1 + end + 1;
        return Some((format!("{inner} ({})", &url[..end]), length));
    }
    let name = inner.trim_matches('`');
    resolves(name).then(|| (format!("`{name}`"), close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Links for Known {
        fn reference(&self, name: &str) -> Option<String> {
            (name == "Vec.push").then(|| "std.vec.html#Vec.push".to_owned())
        }

        fn code(&self, name: &str) -> Option<String> {
            self.reference(name)
        }
    }

    fn html(text: &str) -> String {
        to_html(text, Spelling::Vex, &Known)
    }

    #[test]
    fn names_become_links_when_they_mean_something() {
        let link = "<a href=\"std.vec.html#Vec.push\">";
        assert_eq!(html("See [Vec.push]."), format!("<p>See {link}Vec.push</a>.</p>\n"));
        assert_eq!(html("See `Vec.push`."), format!("<p>See {link}<code>Vec.push</code></a>.</p>\n"));
        assert_eq!(html("See [`Vec.push`]."), format!("<p>See {link}<code>Vec.push</code></a>.</p>\n"));
        assert_eq!(html("See [this](Vec.push)."), format!("<p>See {link}this</a>.</p>\n"));
        assert_eq!(html("[0], `x`"), "<p>[0], <code>x</code></p>\n");
        assert_eq!(html("[a](https://x.org)"), "<p><a href=\"https://x.org\">a</a></p>\n");
    }

    #[test]
    fn nothing_of_the_text_becomes_a_tag() {
        assert_eq!(html("a <b>c</b> & d"), "<p>a &lt;b&gt;c&lt;/b&gt; &amp; d</p>\n");
        assert_eq!(html("<script>\nx\n</script>"), "<p>&lt;script&gt;\nx\n&lt;/script&gt;</p>\n");
        assert_eq!(html("[a](javascript:x)"), "<p>a</p>\n");
        assert_eq!(html("![a](https://x.org/b.png)"), "<p>a</p>\n");
        assert_eq!(html("`<b>`"), "<p><code>&lt;b&gt;</code></p>\n");
        assert_eq!(html("```text\n<b>\n```"), "<pre><code>&lt;b&gt;\n</code></pre>\n");
        assert_eq!(html("    let x\n"), "<pre><code><span class=\"k\">let</span> x\n</code></pre>\n");
        assert_eq!(html("# A"), "<h5>A</h5>\n");
    }

    #[test]
    fn terminals_get_names_as_code() {
        let text = |text: &str| for_terminal(text, &|name| name == "Vec.push");
        assert_eq!(text("[Vec.push], [`Vec.push`], [0]"), "`Vec.push`, `Vec.push`, [0]\n");
        assert_eq!(text("`[Vec.push]` [a](b)"), "`[Vec.push]` a (b)\n");
        assert_eq!(text("```\n[Vec.push]\n```"), "```\n[Vec.push]\n```\n");
    }
}
