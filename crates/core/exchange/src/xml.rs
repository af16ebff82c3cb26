//! Writing XML: elements with attributes, indented, every value escaped.

use core::fmt::Write as _;

/// An XML document that is being written.
pub(crate) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

/// An attribute's value.
pub(crate) enum Value<'a> {
    Text(&'a str),
    /// Written with this many decimals at most, without trailing zeros.
    Number(f64, usize),
    Count(usize),
}

impl Xml {
    pub(crate) fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// A comment line; `--` cannot be in one and becomes a dash.
    pub(crate) fn comment(&mut self, text: &str) {
        self.indent();
        let text = text.replace("--", "–");
        self.text.push_str("<!-- ");
        self.text.push_str(&text);
        self.text.push_str(" -->\n");
    }

    /// Begins an element that has children.
    pub(crate) fn begin(&mut self, name: &'static str, attributes: &[(&str, Value<'_>)]) {
        self.tag(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// An element without children.
    pub(crate) fn leaf(&mut self, name: &'static str, attributes: &[(&str, Value<'_>)]) {
        self.tag(name, attributes);
        self.text.push_str("/>\n");
    }

    /// An element whose only child is text that must stay as it is.
    pub(crate) fn cdata(&mut self, name: &'static str, text: &str) {
        self.indent();
        let text = text.replace("]]>", "");
        self.text.push_str(&format!("<{name}><![CDATA[{text}]]></{name}>\n"));
    }

    /// Ends the element begun last.
    pub(crate) fn end(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.text.push_str(&format!("</{name}>\n"));
        }
    }

    /// The document, with every element ended.
    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }

    fn indent(&mut self) {
        self.text.extend(core::iter::repeat_n("  ", self.open.len()));
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, Value<'_>)]) {
        self.indent();
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            match value {
                Value::Text(text) => escape(text, &mut self.text),
                Value::Number(number, decimals) => self.text.push_str(&decimal(*number, *decimals)),
                Value::Count(count) => {
                    // Writing to a string cannot fail.
                    let _ = write!(self.text, "{count}");
                }
            }
            self.text.push('"');
        }
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if (c as u32) < 0x20 => out.push(' '),
            c => out.push(c),
        }
    }
}

/// A number with at most so many decimals, without trailing zeros or a negative zero.
pub(crate) fn decimal(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_cannot_break_out_of_an_attribute() {
        let mut xml = Xml::new();
        xml.begin("a", &[("name", Value::Text("中\"<&>\n"))]);
        xml.comment("x --> y");
        xml.leaf("b", &[("x", Value::Number(-0.000_1, 3)), ("n", Value::Count(3))]);
        let text = xml.finish();
        let document = roxmltree::Document::parse(&text).unwrap();
        assert_eq!(document.root_element().attribute("name"), Some("中\"<&> "));
        assert_eq!(document.root_element().first_element_child().unwrap().attribute("x"), Some("0"));
    }
}
