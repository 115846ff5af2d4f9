//! Mathematical functions the processor has no instruction for.

crate::exports! {
    group Builtin;

    /// Sine of an angle in radians.
    pub fn vexrt_sin(x: f64) -> f64 {
        x.sin()
    }

    /// Cosine of an angle in radians.
    pub fn vexrt_cos(x: f64) -> f64 {
        x.cos()
    }

    /// Tangent of an angle in radians.
    pub fn vexrt_tan(x: f64) -> f64 {
        x.tan()
    }

    /// The angle of the point (x, y), in radians from -pi to pi.
    pub fn vexrt_atan2(y: f64, x: f64) -> f64 {
        y.atan2(x)
    }

    /// `base` to the power of `exponent`.
    pub fn vexrt_pow(base: f64, exponent: f64) -> f64 {
        base.powf(exponent)
    }

    /// e to the power of `x`.
    pub fn vexrt_exp(x: f64) -> f64 {
        x.exp()
    }

    /// Natural logarithm.
    pub fn vexrt_log(x: f64) -> f64 {
        x.ln()
    }

    /// Remainder of a division that rounds towards zero; the `%` of floats.
    pub fn vexrt_fmod(x: f64, y: f64) -> f64 {
        x % y
    }

    /// Remainder of a division that rounds towards zero, in single precision.
    pub fn vexrt_fmodf(x: f32, y: f32) -> f32 {
        x % y
    }
}
