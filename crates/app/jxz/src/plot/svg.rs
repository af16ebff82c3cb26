//! Drawings in SVG: axes in a frame, lines, marks, words. Nothing but what plots of traffic need.

use std::fmt::Write as _;

/// Fonts that have Chinese, the first that is there.
const FONT: &str =
    "'Noto Sans CJK SC','Source Han Sans SC','WenQuanYi Micro Hei','Microsoft YaHei','PingFang SC',sans-serif";
const INK: &str = "#1b2733";
const FAINT: &str = "#dfe5ea";

/// A value axis of a plot: what it says, and its range.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Axis {
    pub(super) fn new(label: &str, from: f64, to: f64) -> Self {
        // A range without extent could not be drawn.
        Self { label: label.to_owned(), from, to: if to > from { to } else { from + 1.0 } }
    }

    /// Round values within the range, some `about` of them.
    fn ticks(&self, about: f64) -> Vec<f64> {
        let rough = (self.to - self.from) / about;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * power).find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.from / step - 1e-9).ceil();
        (0..200).map(|k| (first + f64::from(k)) * step).take_while(|tick| *tick <= self.to + 1e-9 * step).collect()
    }
}

/// A drawing with one plot in it; `at` maps the plot's values onto it.
pub(super) struct Drawing {
    body: String,
    size: (f64, f64),
    /// Left, top, right, bottom of the plot.
    frame: (f64, f64, f64, f64),
    x: Axis,
    y: Axis,
}

impl Drawing {
    /// A drawing of a plot of `width` by `height`, with room for words around it.
    pub(super) fn new(width: f64, height: f64, x: Axis, y: Axis, title: &str, subtitle: &str) -> Self {
        let frame = (74.0, 66.0, 74.0 + width, 66.0 + height);
        let mut drawing = Self { body: String::new(), size: (frame.2 + 168.0, frame.3 + 58.0), frame, x, y };
        drawing.words((frame.0, 28.0), title, 17.0, "start", INK, true);
        drawing.words((frame.0, 50.0), subtitle, 12.0, "start", "#54636f", false);
        drawing
    }

    /// The axes with grid, ticks and labels.
    pub(super) fn axes(&mut self) {
        let (left, top, right, bottom) = self.frame;
        let (x, y) = (self.x.clone(), self.y.clone());
        for tick in x.ticks(9.0) {
            let (px, _) = self.at(tick, y.from);
            self.line((px, top), (px, bottom), FAINT, 0.7);
            self.words((px, bottom + 17.0), &number(tick), 11.5, "middle", INK, false);
        }
        for tick in y.ticks(8.0) {
            let (_, py) = self.at(x.from, tick);
            self.line((left, py), (right, py), FAINT, 0.7);
            self.words((left - 8.0, py + 4.0), &number(tick), 11.5, "end", INK, false);
        }
        self.words(((left + right) / 2.0, bottom + 40.0), &x.label, 13.0, "middle", INK, false);
        let middle = (top + bottom) / 2.0;
        let label = escape(&y.label);
        let _ = writeln!(
            self.body,
            r#"<text transform="translate(22 {middle:.1}) rotate(-90)" font-size="13" text-anchor="middle" fill="{INK}">{label}</text>"#
        );
    }

    /// The line around the plot, to be drawn last.
    pub(super) fn border(&mut self) {
        let (left, top, right, bottom) = self.frame;
        let (w, h) = (right - left, bottom - top);
        let _ = writeln!(
            self.body,
            r#"<rect x="{left}" y="{top}" width="{w:.1}" height="{h:.1}" fill="none" stroke="{INK}" stroke-width="1"/>"#
        );
    }

    /// Where values are on the drawing.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (left, top, right, bottom) = self.frame;
        let share = |axis: &Axis, value: f64| (value - axis.from) / (axis.to - axis.from);
        (left + share(&self.x, x) * (right - left), bottom - share(&self.y, y) * (bottom - top))
    }

    /// Begins what is cut off at the plot's border.
    pub(super) fn clipped(&mut self) {
        self.body.push_str("<g clip-path=\"url(#plot)\">\n");
    }

    /// Ends it.
    pub(super) fn unclipped(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// Lines of one look through values of the plot, as one path.
    pub(super) fn paths(&mut self, lines: &[Vec<(f64, f64)>], colour: &str, width: f64, opacity: f64) {
        let mut d = String::new();
        for line in lines.iter().filter(|line| line.len() > 1) {
            let mut last = (i64::MIN, i64::MIN);
            for (k, (x, y)) in line.iter().enumerate() {
                let (px, py) = self.at(*x, *y);
                // Tenths of a pixel are finer than print; equal ones say nothing.
                let place = ((px * 10.0).round() as i64, (py * 10.0).round() as i64);
                if place == last && k + 1 < line.len() {
                    continue;
                }
                let letter = if k == 0 { 'M' } else { 'L' };
                let _ = write!(d, "{letter}{} {}", tenths(place.0), tenths(place.1));
                last = place;
            }
        }
        if !d.is_empty() {
            let _ = writeln!(
                self.body,
                r#"<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-opacity="{opacity}" stroke-linejoin="round"/>"#
            );
        }
    }

    /// A mark at values of the plot.
    pub(super) fn mark(&mut self, (x, y): (f64, f64), colour: &str) {
        let (px, py) = self.at(x, y);
        let _ = writeln!(
            self.body,
            r##"<path d="M{px:.1} {:.1}l6 10h-12z" fill="{colour}" stroke="#fff" stroke-width="1"/>"##,
            py - 6.0
        );
    }

    /// Words at values of the plot.
    pub(super) fn note(&mut self, (x, y): (f64, f64), text: &str) {
        let (px, py) = self.at(x, y);
        let text = escape(text);
        let _ = writeln!(
            self.body,
            r##"<text x="{px:.1}" y="{py:.1}" font-size="11" fill="{INK}" stroke="#fff" stroke-width="3" paint-order="stroke">{text}</text>"##
        );
    }

    /// Rows of a legend, right of the plot: a colour, how thick, and what it means; a row without colour is a heading.
    pub(super) fn legend(&mut self, rows: &[(Option<&str>, f64, String)]) {
        let left = self.frame.2 + 16.0;
        for (k, (colour, width, words)) in rows.iter().enumerate() {
            let y = self.frame.1 + 10.0 + 19.0 * k as f64;
            match colour {
                Some(colour) => {
                    let _ = writeln!(
                        self.body,
                        r#"<path d="M{left:.1} {y:.1}h22" stroke="{colour}" stroke-width="{width}" fill="none"/>"#
                    );
                    self.words((left + 29.0, y + 4.0), words, 11.5, "start", INK, false);
                }
                None => self.words((left, y + 4.0), words, 12.0, "start", INK, true),
            }
        }
    }

    /// The whole file.
    pub(super) fn finish(self) -> String {
        let (width, height) = self.size;
        let (left, top, right, bottom) = self.frame;
        let (w, h) = (right - left, bottom - top);
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" font-family="{FONT}">
<clipPath id="plot"><rect x="{left}" y="{top}" width="{w:.1}" height="{h:.1}"/></clipPath>
<rect width="100%" height="100%" fill="#fff"/>
{}</svg>
"##,
            self.body
        )
    }

    fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str, width: f64) {
        let _ = writeln!(
            self.body,
            r#"<path d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}" stroke="{colour}" stroke-width="{width}"/>"#
        );
    }

    fn words(&mut self, (x, y): (f64, f64), text: &str, size: f64, anchor: &str, colour: &str, bold: bool) {
        let weight = if bold { r#" font-weight="600""# } else { "" };
        let text = escape(text);
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"{weight}>{text}</text>"#
        );
    }
}

/// A number of tenths, without needless digits.
fn tenths(value: i64) -> String {
    if value % 10 == 0 { (value / 10).to_string() } else { format!("{:.1}", value as f64 / 10.0) }
}

fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_range() {
        let ticks = |from, to| Axis::new("", from, to).ticks(8.0);
        assert_eq!(ticks(0.0, 60.0), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        assert_eq!(ticks(3.0, 11.0), [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(ticks(5.0, 5.0).first(), Some(&5.0), "a range without extent has one");
    }

    #[test]
    fn values_are_where_the_axes_say_and_names_cannot_break_out_of_the_drawing() {
        let mut drawing = Drawing::new(100.0, 50.0, Axis::new("t", 0.0, 10.0), Axis::new("s", 0.0, 5.0), "a<b>&\"", "");
        assert_eq!(drawing.at(0.0, 0.0), (74.0, 116.0));
        assert_eq!(drawing.at(10.0, 5.0), (174.0, 66.0));
        drawing.paths(&[vec![(0.0, 0.0), (10.0, 5.0)]], "#000", 1.0, 1.0);
        let file = drawing.finish();
        assert!(file.contains("M74 116L174 66") && file.contains("a&lt;b&gt;&amp;&quot;"), "{file}");
        assert!(roxml(&file));
    }

    /// Whether every element that opens closes.
    fn roxml(text: &str) -> bool {
        text.matches('<').count() == text.matches('>').count()
    }
}
