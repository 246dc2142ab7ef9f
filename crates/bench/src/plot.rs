//! SVG plots of curves over a linear or logarithmic axis, for light and dark colour schemes, with all words as text.

use std::fmt::Write;

const WIDTH: f64 = 700.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 52.0;
const HEIGHT: f64 = 300.0;
/// The distance from the lower edge of the plane to the first row of the legend.
const BELOW: f64 = 62.0;
const ROW: f64 = 22.0;

/// Page, text, grid and curves of each scheme. The text and the curves have a contrast of 4.5 to the page.
const LIGHT: [&str; 9] =
    ["#ffffff", "#1f2328", "#d1d9e0", "#0550ae", "#a40e26", "#116329", "#7a3e00", "#6639ba", "#0b6a72"];
const DARK: [&str; 9] =
    ["#0d1117", "#e6edf3", "#30363d", "#79c0ff", "#ffa198", "#7ee787", "#ffb77c", "#d2a8ff", "#56d4dd"];
/// Dash patterns, so that curves differ without colour.
const DASHES: [&str; 6] = ["none", "9 4", "3 3", "12 4 3 4", "6 2", "2 6"];

/// The scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    Log,
}

#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
}

/// Points in order of x.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A title, two axes, and at most six curves.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) curves: Vec<Curve>,
}

/// The tick marks of an axis.
struct Ticks {
    scale: Scale,
    marks: Vec<f64>,
}

impl Axis {
    pub(crate) fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear }
    }

    pub(crate) fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log }
    }
}

impl Curve {
    /// The exponent with which the value grows with x, by least squares over the logarithms. None for fewer than two points.
    pub(crate) fn slope(&self) -> Option<f64> {
        let logs: Vec<(f64, f64)> = self.points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
        let count = logs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
        let (x, y) = (mean(|log| log.0), mean(|log| log.1));
        let square: f64 = logs.iter().map(|log| (log.0 - x).powi(2)).sum();
        let product: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
        (square > 0.0).then_some(product / square)
    }

    /// The slope in words.
    pub(crate) fn slope_text(&self) -> Option<String> {
        self.slope().map(|slope| format!("slope {slope:.2}").replace("-0.00", "0.00").replace('-', "−"))
    }
}

impl Plot {
    /// The plot as an SVG file.
    pub(crate) fn svg(&self) -> String {
        let values = |of: fn(&(f64, f64)) -> f64| {
            self.curves.iter().flat_map(|curve| curve.points.iter().map(of)).collect::<Vec<_>>()
        };
        let (x, y) = (
            Ticks::over(self.x.scale, &values(|point| point.0)),
            Ticks::over(self.y.scale, &values(|point| point.1)),
        );
        let height = TOP + HEIGHT + BELOW + ROW * self.curves.len() as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-label=\"{}\" font-family=\"system-ui, sans-serif\" font-size=\"14\">\n<style>{}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\" class=\"page\"/>\n<text x=\"{LEFT}\" y=\"28\" \
             font-size=\"17\" font-weight=\"600\">{}</text>\n",
            escaped(&self.title),
            style(),
            escaped(&self.title)
        );
        self.draw_axes(&x, &y, &mut svg);
        for (number, curve) in self.curves.iter().enumerate() {
            self.draw_curve(number, curve, (&x, &y), &mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_axes(&self, x: &Ticks, y: &Ticks, svg: &mut String) {
        let bottom = TOP + HEIGHT;
        let mut put = |text: String| svg.push_str(&text);
        for mark in &x.marks {
            let (at, label) = (across(x, *mark), x.label(*mark));
            put(format!("<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#d1d9e0\" class=\"grid\"/>"));
            put(format!(
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                bottom + 20.0
            ));
        }
        for mark in &y.marks {
            let (at, label) = (down(y, *mark), y.label(*mark));
            put(format!("<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#d1d9e0\" class=\"grid\"/>", WIDTH - RIGHT));
            put(format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                LEFT - 8.0,
                at + 5.0
            ));
        }
        let (middle, label) = (LEFT + (WIDTH - LEFT - RIGHT) / 2.0, escaped(&self.x.label));
        put(format!("<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n", bottom + 40.0));
        let (middle, label) = (TOP + HEIGHT / 2.0, escaped(&self.y.label));
        put(format!(
            "<text transform=\"translate(18 {middle}) rotate(-90)\" text-anchor=\"middle\">{label}</text>\n"
        ));
    }

    fn draw_curve(&self, number: usize, curve: &Curve, (x, y): (&Ticks, &Ticks), svg: &mut String) {
        let class = number % DASHES.len();
        // A viewer that ignores styles shows the light scheme.
        let colour = LIGHT[3 + class];
        let stroke = format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\"");
        let (row, begin, end) = (TOP + HEIGHT + BELOW + ROW * number as f64, LEFT, LEFT + 44.0);
        let places: Vec<_> =
            curve.points.iter().map(|point| (across(x, point.0), down(y, point.1))).collect();
        let line: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let mut put = |text: String| svg.push_str(&text);
        if !line.is_empty() {
            put(format!("<path d=\"M{}\" {stroke} class=\"curve c{class}\"/>\n", line.join("L")));
        }
        // Dots for measured sizes; a curve over time has too many points.
        for (x, y) in places.iter().filter(|_| places.len() <= 12) {
            put(format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\" class=\"dot c{class}\"/>"
            ));
        }
        let both_log = self.x.scale == Scale::Log && self.y.scale == Scale::Log;
        let slope =
            curve.slope_text().filter(|_| both_log).map_or_else(String::new, |text| format!(" ({text})"));
        put(format!("<path d=\"M{begin} {}H{end}\" {stroke} class=\"curve c{class}\"/>", row - 5.0));
        put(format!("<text x=\"{}\" y=\"{row}\">{}{slope}</text>\n", end + 10.0, escaped(&curve.name)));
    }
}

impl Ticks {
    /// Marks that enclose all values: powers of ten, or up to seven round numbers from 0.
    fn over(scale: Scale, values: &[f64]) -> Self {
        let values = values.iter().copied().filter(|value| value.is_finite());
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let marks = match scale {
            _ if low > high => vec![0.0, 1.0],
            Scale::Log => {
                let first = low.max(f64::MIN_POSITIVE).log10().floor() as i32;
                let last = (high.max(f64::MIN_POSITIVE).log10().ceil() as i32).max(first + 1);
                (first..=last).map(|power| 10_f64.powi(power)).collect()
            }
            Scale::Linear => {
                let rough = (high / 6.0).max(f64::MIN_POSITIVE);
                let power = 10_f64.powf(rough.log10().floor());
                let step =
                    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|step| *step >= rough);
                let step = step.unwrap_or(rough);
                (0..=(high / step).ceil().max(1.0) as u32).map(|mark| f64::from(mark) * step).collect()
            }
        };
        Self { scale, marks }
    }

    /// The position of a value on the axis, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let of =
            |value: f64| if self.scale == Scale::Log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (first, last) = (of(self.marks[0]), of(self.marks[self.marks.len() - 1]));
        ((of(value) - first) / (last - first)).clamp(0.0, 1.0)
    }

    fn label(&self, mark: f64) -> String {
        if self.scale == Scale::Linear || (0.01..=100.0).contains(&mark) {
            let text = format!("{mark:.3}");
            return text.trim_end_matches('0').trim_end_matches('.').to_owned();
        }
        let power = format!("{}", mark.log10().round());
        let raised = power.chars().map(|digit| match digit {
            '-' => '⁻',
            digit => digit.to_digit(10).and_then(|at| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(at as usize)).unwrap_or(digit),
        });
        format!("10{}", raised.collect::<String>())
    }
}

fn across(x: &Ticks, value: f64) -> f64 {
    LEFT + x.share(value) * (WIDTH - LEFT - RIGHT)
}

fn down(y: &Ticks, value: f64) -> f64 {
    TOP + (1.0 - y.share(value)) * HEIGHT
}

fn style() -> String {
    let scheme = |colours: [&str; 9]| {
        let [page, ink, grid, curves @ ..] = colours;
        let mut css = format!(".page{{fill:{page}}}text{{fill:{ink}}}.grid{{stroke:{grid}}}");
        for (number, colour) in curves.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(css, ".curve.c{number}{{stroke:{colour}}}.dot.c{number}{{fill:{colour}}}");
        }
        css
    };
    let dashes = DASHES
        .iter()
        .enumerate()
        .map(|(number, dashes)| format!(".curve.c{number}{{stroke-dasharray:{dashes}}}"));
    let shape = format!(".curve{{fill:none;stroke-width:2.5}}{}", dashes.collect::<String>());
    format!("{shape}{}@media (prefers-color-scheme:dark){{{}}}", scheme(LIGHT), scheme(DARK))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(exponent: f64) -> Curve {
        let points = [1e3, 1e4, 1e5].map(|x: f64| (x, 3.0 * x.powf(exponent))).into();
        Curve { name: "page & <date>".into(), points }
    }

    #[test]
    fn slope_is_the_exponent() {
        for exponent in [-0.5, 0.0, 0.25, 1.0] {
            let slope = power(exponent).slope().expect("three points");
            assert!((slope - exponent).abs() < 1e-9, "{slope} for {exponent}");
        }
        assert_eq!(Curve { name: String::new(), points: vec![(1.0, 1.0)] }.slope(), None);
    }

    #[test]
    fn plot_names_its_curves_and_slopes_as_text() {
        let (x, y) = (Axis::log("messages"), Axis::log("µs"));
        let svg = Plot { title: "Growth".into(), x, y, curves: vec![power(0.5)] }.svg();
        for text in [">page &amp; &lt;date&gt; (slope 0.50)<", ">messages<", ">10³<", ">10⁵<", ">Growth<"]
        {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
        assert_eq!(
            (svg.matches("<circle").count(), svg.matches("prefers-color-scheme:dark").count()),
            (3, 1)
        );
    }

    #[test]
    fn axes_enclose_every_value() {
        for (scale, values, first, last) in [
            (Scale::Log, [14.0, 2300.0], 10.0, 10_000.0),
            (Scale::Log, [10.0, 10.0], 10.0, 100.0),
            (Scale::Linear, [0.4, 1.3], 0.0, 1.5),
            (Scale::Linear, [0.0, 0.0], 0.0, 0.0),
        ] {
            let ticks = Ticks::over(scale, &values);
            let ends = (ticks.marks[0], ticks.marks[ticks.marks.len() - 1]);
            assert!((ends.0 - first).abs() < 1e-9 && (ends.1 - last).abs() < 1e-9, "{values:?}: {ends:?}");
            assert!((2..=8).contains(&ticks.marks.len()), "{values:?}: {:?}", ticks.marks);
        }
    }

    #[test]
    fn text_and_curves_stand_out_in_both_schemes() {
        for [page, ink, _grid, curves @ ..] in [LIGHT, DARK] {
            for colour in curves.iter().chain([&ink]) {
                let (one, other) = (luminance(page), luminance(colour));
                let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                assert!(contrast >= 4.5, "{colour} on {page}: {contrast:.2}");
            }
        }
    }

    /// The relative luminance of WCAG 2.2.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour")) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }
}
