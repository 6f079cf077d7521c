//! Divides a rectangle into areas that are as large as what they stand for, and as square as can be.

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Area {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// To the right.
    pub width: f64,
    /// To the bottom.
    pub height: f64,
}

/// What is larger counts as this large, so that sums are numbers.
const LARGEST: f64 = 1e200;

/// Divides an area among sizes, in their order; largest first looks best.
///
/// Every size has an area in proportion to it. A size that is none (negative, infinite, no number) has an empty one.
///
/// The algorithm is that of Bruls, Huizing and van Wijk, "Squarified Treemaps": rows along the shorter side, each filled as
/// long as its areas become no narrower by it.
pub fn divide(sizes: &[f64], whole: Area) -> Vec<Area> {
    let sizes: Vec<f64> =
        sizes.iter().map(|size| if size.is_finite() { size.clamp(0.0, LARGEST) } else { 0.0 }).collect();
    let mut left: f64 = sizes.iter().sum();
    let mut rest = whole;
    let mut areas = Vec::with_capacity(sizes.len());
    while areas.len() < sizes.len() {
        let from = areas.len();
        let scale = if left > 0.0 && left.is_finite() { rest.width * rest.height / left } else { 0.0 };
        let side = rest.width.min(rest.height);
        let (length, row) = row(&sizes[from..], scale, side);
        let taken = &sizes[from..from + length];
        let is_last = from + length == sizes.len();
        lay(taken, row, if is_last { rest.width * rest.height } else { row * scale }, &mut rest, &mut areas);
        left = (left - row).max(0.0);
    }
    areas
}

/// How many sizes make the next row, and their sum.
fn row(sizes: &[f64], scale: f64, side: f64) -> (usize, f64) {
    let mut sum = 0.0;
    let mut smallest = f64::INFINITY;
    let mut largest = 0.0_f64;
    let mut worst = f64::INFINITY;
    for (length, &size) in sizes.iter().enumerate() {
        let next = sum + size;
        smallest = smallest.min(size);
        largest = largest.max(size);
        let depth = next * scale / side;
        // How much longer than wide the worst area of the row would be.
        let ratio = (largest * scale / (depth * depth)).max(depth * depth / (smallest * scale));
        if length > 0 && (ratio > worst || ratio.is_nan()) {
            return (length, sum);
        }
        worst = ratio;
        sum = next;
    }
    (sizes.len(), sum)
}

/// Lays a row along the shorter side, and takes it off what is left.
fn lay(sizes: &[f64], sum: f64, area: f64, rest: &mut Area, areas: &mut Vec<Area>) {
    let is_upright = rest.width >= rest.height;
    let side = if is_upright { rest.height } else { rest.width };
    let depth = if side > 0.0 { (area / side).min(if is_upright { rest.width } else { rest.height }) } else { 0.0 };
    let mut at = 0.0;
    for size in sizes {
        let length = if sum > 0.0 { side * size / sum } else { 0.0 };
        areas.push(if is_upright {
            Area { x: rest.x, y: rest.y + at, width: depth, height: length }
        } else {
            Area { x: rest.x + at, y: rest.y, width: length, height: depth }
        });
        at += length;
    }
    if is_upright {
        rest.x += depth;
        rest.width -= depth;
    } else {
        rest.y += depth;
        rest.height -= depth;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Area = Area { x: 10.0, y: 20.0, width: 600.0, height: 400.0 };

    fn overlap(a: &Area, b: &Area) -> f64 {
        let width = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
        let height = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
        width.max(0.0) * height.max(0.0)
    }

    fn is_within(area: &Area) -> bool {
        area.width >= 0.0
            && area.height >= 0.0
            && area.x >= WHOLE.x - 1e-6
            && area.y >= WHOLE.y - 1e-6
            && area.x + area.width <= WHOLE.x + WHOLE.width + 1e-6
            && area.y + area.height <= WHOLE.y + WHOLE.height + 1e-6
    }

    #[test]
    fn areas_are_as_large_as_their_sizes_and_do_not_overlap() {
        let sizes = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0];
        let areas = divide(&sizes, WHOLE);
        for (area, size) in areas.iter().zip(sizes) {
            assert!((area.width * area.height - size * 10_000.0).abs() < 1e-3, "{area:?}");
            assert!(is_within(area));
            assert!(area.width / area.height < 4.0 && area.height / area.width < 4.0, "{area:?} is narrow");
        }
        for (at, area) in areas.iter().enumerate() {
            assert!(areas[at + 1..].iter().all(|other| overlap(area, other) < 1e-6));
        }
    }

    #[test]
    fn what_is_no_size_has_no_area() {
        let areas = divide(&[f64::NAN, -1.0, f64::INFINITY, 5.0, 0.0], WHOLE);
        assert_eq!(areas.iter().filter(|area| area.width * area.height > 0.0).count(), 1);
        assert!(areas.iter().all(is_within));
        assert!(divide(&[0.0, 0.0], WHOLE).iter().all(|area| area.width * area.height == 0.0));
        assert_eq!(divide(&[], WHOLE), []);
        assert_eq!(divide(&[1.0], Area::default()), [Area::default()]);
    }

    #[test]
    fn a_hundred_thousand_equal_sizes_and_a_giant_among_dwarfs_stay_within() {
        assert!(divide(&vec![1.0; 100_000], WHOLE).iter().all(is_within));
        let mut sizes = vec![1.0; 1000];
        sizes.insert(0, 1e18);
        assert!(divide(&sizes, WHOLE).iter().all(is_within));
        assert!(divide(&[f64::MAX, f64::MAX], WHOLE).iter().all(is_within));
        let falling: Vec<f64> = (0..2000).map(|power| 0.5_f64.powi(power)).collect();
        assert!(divide(&falling, WHOLE).iter().all(is_within));
    }
}
