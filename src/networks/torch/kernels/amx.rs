//! The matrix tiles of a processor (Intel AMX): products of numbers of bf16, summed up in f32.
//!
//! libtorch configures tiles itself where it multiplies in bf16, and remembers that per thread; in a network that is run on these
//! nothing of it does.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::marker::PhantomData;
use std::sync::LazyLock;

/// Rows of a tile, and numbers of f32 in a row.
pub(super) const SIDE: usize = 16;
/// Pixels and channels of a block: two tiles of each.
pub(super) const BLOCK: usize = 2 * SIDE;
/// 64 bytes of a tile: a pixel's next 32 numbers, or two rows of filters for 16 channels, pair by pair. All of it bf16.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line(pub [u16; 32]);

/// A block of sums, `[pixel, half, channel]`.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Sums(pub [[[f32; SIDE]; 2]; BLOCK]);

/// The tiles of this thread, all of 16 rows of 64 bytes, until this is dropped.
pub(super) struct Tiles(PhantomData<*const ()>);

/// What `ldtilecfg` reads.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

/// Whether the processor has tiles for bf16, with the vectors that go with them, and the system lets this process use them.
pub fn have_tiles() -> bool {
    const TILES_AND_BF16: u32 = 1 << 24 | 1 << 22;
    static ALLOWED: LazyLock<bool> = LazyLock::new(|| {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bf16")
            && __cpuid_count(7, 0).edx & TILES_AND_BF16 == TILES_AND_BF16
            && allow()
    });
    *ALLOWED
}

/// Asks Linux for the state of tiles, whose size programs that do not use them are spared.
#[cfg(target_os = "linux")]
fn allow() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const REQUEST_STATE: i64 = 0x1023;
    const TILE_DATA: i64 = 18;
    let result: i64;
    // SAFETY: the call reads its two numbers and touches no memory of the process; a kernel that does not know it says so.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") ARCH_PRCTL => result,
            in("rdi") REQUEST_STATE,
            in("rsi") TILE_DATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn allow() -> bool {
    false
}

impl Tiles {
    pub fn configure() -> Option<Self> {
        if !have_tiles() {
            return None;
        }
        // Palette 1; bytes per row of tile t at 16 + 2 t, rows at 48 + t.
        let mut configuration = Configuration([0; 64]);
        configuration.0[0] = 1;
        for tile in 0..8 {
            configuration.0[16 + 2 * tile] = 64;
            configuration.0[48 + tile] = SIDE as u8;
        }
        // SAFETY: the processor has tiles, and 64 bytes of a valid configuration are read.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly)) };
        Some(Self(PhantomData))
    }

    /// `sums[p, n] = bias[n] + sum over k of pixels[p, k] weights[k, n]`; `pixels` of 32 rows, `weights` of two tiles a step.
    #[expect(clippy::unused_self, reason = "it is the proof that the tiles are configured")]
    #[inline(always)]
    pub fn multiply(&self, pixels: &[Line], weights: &[Line], bias: &[f32; BLOCK], sums: &mut Sums) {
        let steps = weights.len() / BLOCK;
        assert!(steps > 0 && pixels.len() == BLOCK * steps && weights.len() == BLOCK * steps);
        let row = steps * size_of::<Line>();
        // SAFETY: `self` says that the tiles are configured, 16 rows of 64 bytes each. Step s reads lines s of all 32 pixels, whose
        // rows are `steps` lines apart, and lines 32 s to 32 s + 31 of the weights: both inside the slices, as was checked. The bias has
        // two rows of 64 bytes. The last four stores write the 32 rows of 128 bytes that `sums` has.
        unsafe {
            asm!(
                // Rows that are no distance apart are one row.
                "tileloadd tmm0, [{bias} + {none}]",
                "tileloadd tmm1, [{bias} + {none} + 64]",
                "tileloadd tmm2, [{bias} + {none}]",
                "tileloadd tmm3, [{bias} + {none} + 64]",
                "2:",
                "tileloadd tmm4, [{upper} + {row}]",
                "tileloadd tmm6, [{weights} + {line}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{weights} + {line} + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{lower} + {row}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {upper}, 64",
                "add {lower}, 64",
                "add {weights}, 2048",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{sums} + 2*{line}], tmm0",
                "tilestored [{sums} + 2*{line} + 64], tmm1",
                "tilestored [{sums} + 2*{line} + 2048], tmm2",
                "tilestored [{sums} + 2*{line} + 2112], tmm3",
                upper = inout(reg) pixels.as_ptr() => _,
                lower = inout(reg) pixels.as_ptr().add(SIDE * steps) => _,
                weights = inout(reg) weights.as_ptr() => _,
                steps = inout(reg) steps => _,
                sums = in(reg) &raw mut sums.0,
                bias = in(reg) bias.as_ptr(),
                none = in(reg) 0_usize,
                row = in(reg) row,
                line = in(reg) 64_usize,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: only tiles are touched, which nothing else of this thread holds.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
