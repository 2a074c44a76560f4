//! The matrix product, on one thread, each entry summed in the order of the inner index.
//!
//! After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008):
//! both factors are copied into narrow panels, and a small tile of the product stays in
//! registers while the inner index runs. An entry's sum never depends on the tile, the threads
//! or the width of the vectors, so the product is the same to the bit everywhere.

use super::math::vectorized;

/// Rows of a tile.
const ROWS: usize = 6;
/// Columns of a tile: two vectors of eight numbers.
const COLS: usize = 16;
/// How much of the inner index is packed at a time, so that the panels stay in the cache.
const DEPTH: usize = 256;

/// A matrix to read: `rows` by `cols` entries at constant strides.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Wraps row-major `data` of `cols` columns.
    pub fn new(data: &'a [f32], cols: usize) -> Self {
        Self { data, rows: data.len() / cols, cols, row_stride: cols, col_stride: 1 }
    }

    /// The transpose, without moving anything.
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
}

/// Multiplies `a` by `b` into a row-major matrix of `a.rows` by `b.cols`.
pub fn matmul(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    let mut product = vec![0f32; a.rows * b.cols];
    add_product(a, b, &mut product);
    product
}

/// Adds the product of `a` and `b` to the row-major matrix `c`.
pub fn add_product(a: Matrix<'_>, b: Matrix<'_>, c: &mut [f32]) {
    assert_eq!(a.cols, b.rows, "inner dimensions differ");
    assert_eq!(c.len(), a.rows * b.cols, "the product has another size");
    vectorized(
        #[inline(always)]
        || {
            let mut a_panel = [[0f32; ROWS]; DEPTH];
            let panels = b.cols.div_ceil(COLS);
            let mut b_panels = vec![[0f32; COLS]; panels * DEPTH.min(a.cols)];
            for start in (0..a.cols).step_by(DEPTH) {
                let depth = DEPTH.min(a.cols - start);
                for (i, panel) in b_panels.chunks_exact_mut(depth).take(panels).enumerate() {
                    pack(b, start, i * COLS, panel);
                }
                for row in (0..a.rows).step_by(ROWS) {
                    pack(a.transposed(), start, row, &mut a_panel[..depth]);
                    let rows = ROWS.min(a.rows - row);
                    let c = &mut c[row * b.cols..(row + rows) * b.cols];
                    for (i, panel) in b_panels.chunks_exact(depth).take(panels).enumerate() {
                        let tile = multiply(&a_panel[..depth], panel);
                        add_tile(&tile, c, b.cols, i * COLS);
                    }
                }
            }
        },
    );
}

/// Copies rows `start..start + depth` of the `N` columns from `col` on, row after row; columns
/// beyond the edge become 0.
#[inline(always)]
fn pack<const N: usize>(from: Matrix<'_>, start: usize, col: usize, panel: &mut [[f32; N]]) {
    let width = N.min(from.cols - col);
    let rows = (start..).map(|row| row * from.row_stride + col * from.col_stride);
    if width < N {
        panel.fill([0.0; N]);
        for (to, at) in panel.iter_mut().zip(rows) {
            for (i, to) in to[..width].iter_mut().enumerate() {
                *to = from.data[at + i * from.col_stride];
            }
        }
    } else if from.col_stride == 1 {
        for (to, at) in panel.iter_mut().zip(rows) {
            if let Some(row) = from.data[at..].first_chunk() {
                *to = *row;
            }
        }
    } else {
        let columns: [&[f32]; N] = std::array::from_fn(|i| {
            &from.data[start * from.row_stride + (col + i) * from.col_stride..]
        });
        for (p, to) in panel.iter_mut().enumerate() {
            for (to, column) in to.iter_mut().zip(columns) {
                *to = column[p * from.row_stride];
            }
        }
    }
}

/// One tile of the product from two panels of the same depth.
#[inline(always)]
fn multiply(a: &[[f32; ROWS]], b: &[[f32; COLS]]) -> [[f32; COLS]; ROWS] {
    let mut tile = [[0f32; COLS]; ROWS];
    for (a, b) in a.iter().zip(b) {
        for i in 0..ROWS {
            for j in 0..COLS {
                tile[i][j] = a[i].mul_add(b[j], tile[i][j]);
            }
        }
    }
    tile
}

#[inline(always)]
fn add_tile(tile: &[[f32; COLS]; ROWS], c: &mut [f32], cols: usize, col: usize) {
    let width = COLS.min(cols - col);
    for (row, sums) in c.chunks_exact_mut(cols).zip(tile) {
        if width == COLS {
            for (c, sum) in row[col..col + COLS].iter_mut().zip(sums) {
                *c += sum;
            }
        } else {
            for (c, sum) in row[col..].iter_mut().zip(sums) {
                *c += sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// The definition: fused multiply-adds along the inner index, in blocks of `DEPTH`.
    fn definition(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
        let at = |m: Matrix<'_>, i: usize, j: usize| m.data[i * m.row_stride + j * m.col_stride];
        let entry = |i, j| {
            let inner: Vec<usize> = (0..a.cols).collect();
            let block = |ks: &[usize]| {
                ks.iter().fold(0f32, |sum, &k| at(a, i, k).mul_add(at(b, k, j), sum))
            };
            inner.chunks(DEPTH).map(block).fold(0f32, |sum, block| sum + block)
        };
        (0..a.rows).flat_map(|i| (0..b.cols).map(move |j| entry(i, j))).collect()
    }

    #[test]
    fn the_product_is_its_definition_to_the_bit() {
        let mut rng = Rng::new(1);
        for (m, k, n) in [(1, 1, 1), (7, 5, 17), (6, 16, 16), (13, 300, 43), (12, 513, 33)] {
            let a: Vec<f32> = (0..m * k).map(|_| rng.normal()).collect();
            let b: Vec<f32> = (0..k * n).map(|_| rng.normal()).collect();
            let (plain_a, plain_b) = (Matrix::new(&a, k), Matrix::new(&b, n));
            let (turned_a, turned_b) =
                (Matrix::new(&a, m).transposed(), Matrix::new(&b, k).transposed());
            for (a, b) in [(plain_a, plain_b), (turned_a, plain_b), (plain_a, turned_b)] {
                assert_eq!(matmul(a, b), definition(a, b), "{m} x {k} x {n}");
            }
        }
    }
}
