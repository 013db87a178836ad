//! Quantiles, aligned tables and gates.

/// The median; sorts.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    at(values, 0.5)
}

/// A quantile of sorted values.
pub fn at(sorted: &[f64], quantile: f64) -> f64 {
    sorted
        .get((sorted.len().saturating_sub(1) as f64 * quantile).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// Prints rows under a heading, the first column to the left, the others to the right.
pub fn table(title: &str, heading: &[&str], rows: &[Vec<String>]) {
    println!("\n{title}\n");
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([heading[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (column, cell) in cells.enumerate() {
            let width = widths[column];
            text += &if column == 0 { format!("  {cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        println!("{}", text.trim_end());
    };
    line(&mut heading.iter().copied());
    rows.iter().for_each(|row| line(&mut row.iter().map(String::as_str)));
}

/// Nanoseconds with the unit that suits them.
pub fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e5 => format!("{:.1} us", ns / 1e3),
        ns if ns < 1e6 => format!("{:.0} us", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}

/// What must hold.
pub struct Gate {
    pub what: &'static str,
    pub measured: String,
    pub limit: String,
    pub met: bool,
}

impl Gate {
    /// A ratio that must not exceed `limit`.
    pub fn at_most(what: &'static str, measured: f64, limit: f64) -> Self {
        let met = measured <= limit;
        Self { what, measured: format!("x{measured:.3}"), limit: format!("<= x{limit:.2}"), met }
    }

    /// A ratio that must reach `limit`.
    pub fn at_least(what: &'static str, measured: f64, limit: f64, digits: usize) -> Self {
        let met = measured >= limit;
        Self { what, measured: format!("x{measured:.digits$}"), limit: format!(">= x{limit:.digits$}"), met }
    }

    /// A statement that must be true.
    pub fn exact(what: &'static str, measured: String, met: bool) -> Self {
        Self { what, measured, limit: "exact".into(), met }
    }
}
