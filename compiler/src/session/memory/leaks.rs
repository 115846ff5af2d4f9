//! Which blocks can be reached from variables: a conservative scan. Every word that could be an address into a block
//! counts as one, also one into its middle.

use std::ops::Range;

use vex_runtime::report::Allocator;

/// What a block is to the scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A block that somebody has to free.
    Block,
    /// A block that is freed with its buffer at the latest, and often only so: it is reached when the buffer is.
    Lent,
    /// A buffer that an allocator made: only what is in its blocks counts.
    Buffer,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its bytes.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// Blocks of one layer do not overlap; those of other layers than 0 may lie in blocks of layer 0.
    pub layer: usize,
}

/// How many layers there are.
const LAYERS: usize = 6;

/// The layer of an allocator's blocks.
pub fn layer(allocator: Allocator) -> usize {
    match allocator {
        Allocator::Vex | Allocator::Vera | Allocator::Global | Allocator::Xila => 0,
        Allocator::Bump => 1,
        Allocator::Pool => 2,
        Allocator::FreeList => 3,
        Allocator::Stack => 4,
        Allocator::Kmem => 5,
    }
}

/// Reads memory from an address on, as far as it can be read; the number of bytes read.
pub type Read<'a> = dyn FnMut(usize, &mut [u8]) -> usize + 'a;

/// The layer of the allocator whose pointer to its buffer is at an address.
pub type Buffer<'a> = dyn Fn(usize) -> Option<usize> + 'a;

/// The blocks, and which of them have been reached.
#[derive(Debug)]
pub struct Scan {
    nodes: Vec<Node>,
    /// Numbers of the nodes of each layer, by address.
    layers: [Vec<usize>; LAYERS],
    reached: Vec<bool>,
    /// Nodes that were reached and not yet looked into.
    waiting: Vec<usize>,
}

/// Bytes read at once.
const PIECE: usize = 4096;

/// Bytes of an address.
const WORD: usize = size_of::<usize>();

impl Scan {
    /// A scan of these blocks that has not begun.
    pub fn new(nodes: Vec<Node>) -> Scan {
        let mut layers: [Vec<usize>; LAYERS] = Default::default();
        nodes.iter().enumerate().for_each(|(index, node)| layers[node.layer].push(index));
        for layer in &mut layers {
            layer.sort_by_key(|&index| nodes[index].range.start);
        }
        Scan { reached: vec![false; nodes.len()], nodes, layers, waiting: Vec::new() }
    }

    /// Reaches what can be reached from a variable. A word at an address for which `buffer` gives a layer is an
    /// allocator's own pointer to its buffer: it does not lead to the block of that layer that happens to be the first.
    pub fn from(&mut self, variable: &Range<usize>, buffer: &Buffer<'_>, read: &mut Read<'_>) {
        self.enter(variable, true, buffer, read);
        while let Some(index) = self.waiting.pop() {
            let Node { range, kind, layer } = self.nodes[index].clone();
            match kind {
                Kind::Buffer => self.reach_lent(&range),
                Kind::Block | Kind::Lent => self.enter(&range, layer == 0, &|_| None, read),
            }
        }
    }

    /// Reaches a block from outside.
    pub fn reach(&mut self, index: usize) {
        if !std::mem::replace(&mut self.reached[index], true) {
            self.waiting.push(index);
        }
    }

    /// Whether a block has been reached.
    pub fn is_reached(&self, index: usize) -> bool {
        self.reached[index]
    }

    /// Looks at the words of a range; with `around`, at those that are in no block of an allocator that uses the range
    /// as its buffer.
    fn enter(&mut self, range: &Range<usize>, around: bool, buffer: &Buffer<'_>, read: &mut Read<'_>) {
        self.reach_lent(range);
        let mut from = range.start;
        if around {
            for inner in self.inside(range) {
                self.words(from..inner.start.max(from), buffer, read);
                from = from.max(inner.end);
            }
        }
        self.words(from..range.end.max(from), buffer, read);
    }

    /// Reaches the lent blocks of a range.
    fn reach_lent(&mut self, range: &Range<usize>) {
        for layer in 1..LAYERS {
            for place in self.places(layer, range) {
                let index = self.layers[layer][place];
                if self.nodes[index].kind == Kind::Lent {
                    self.reach(index);
                }
            }
        }
    }

    /// The blocks of allocators that begin in a range, by address.
    fn inside(&self, range: &Range<usize>) -> Vec<Range<usize>> {
        let places = (1..LAYERS).flat_map(|layer| {
            self.places(layer, range).map(move |place| self.nodes[self.layers[layer][place]].range.clone())
        });
        let mut inside: Vec<Range<usize>> = places.collect();
        inside.sort_by_key(|range| range.start);
        inside.iter_mut().for_each(|inner| inner.end = inner.end.min(range.end));
        inside
    }

    /// The places in a layer of the blocks that begin in a range.
    fn places(&self, layer: usize, range: &Range<usize>) -> Range<usize> {
        let below = |end: usize| self.layers[layer].partition_point(|&i| self.nodes[i].range.start < end);
        below(range.start)..below(range.end)
    }

    /// Follows every word in a range.
    fn words(&mut self, range: Range<usize>, buffer: &Buffer<'_>, read: &mut Read<'_>) {
        let mut at = range.start.next_multiple_of(WORD);
        let mut piece = [0; PIECE];
        while at.saturating_add(WORD) <= range.end {
            let wanted = (range.end - at).min(PIECE - at % PIECE);
            let got = read(at, &mut piece[..wanted]);
            for (index, word) in piece[..got].chunks_exact(WORD).enumerate() {
                let target = usize::from_ne_bytes(word.try_into().unwrap_or_default());
                let own = buffer(at + index * WORD);
                (0..LAYERS).filter(|&layer| Some(layer) != own).for_each(|layer| self.follow(layer, target));
            }
            at += wanted;
        }
    }

    /// Reaches the block of a layer that an address lies in.
    fn follow(&mut self, layer: usize, target: usize) {
        let places = &self.layers[layer];
        let behind = places.partition_point(|&index| self.nodes[index].range.start <= target);
        let Some(&index) = behind.checked_sub(1).and_then(|place| places.get(place)) else { return };
        if self.nodes[index].range.contains(&target) {
            self.reach(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory made of words at addresses; everything else is zero.
    fn scan(nodes: &[Node], words: &[(usize, usize)], root: Range<usize>, buffers: &[usize]) -> Vec<bool> {
        let mut scan = Scan::new(nodes.to_vec());
        let mut read = |address: usize, out: &mut [u8]| {
            out.fill(0);
            for &(at, word) in words {
                if let Some(offset) = at.checked_sub(address).filter(|offset| offset + WORD <= out.len()) {
                    out[offset..offset + WORD].copy_from_slice(&word.to_ne_bytes());
                }
            }
            out.len()
        };
        scan.from(&root, &|address| buffers.contains(&address).then_some(2), &mut read);
        (0..nodes.len()).map(|index| scan.is_reached(index)).collect()
    }

    fn node(start: usize, size: usize, kind: Kind, layer: usize) -> Node {
        Node { range: start..start + size, kind, layer }
    }

    #[test]
    fn blocks_are_reached_through_each_other_and_by_their_middle() {
        let nodes = [0x1000, 0x2000, 0x3000, 0x4000].map(|start| node(start, 64, Kind::Block, 0));
        // A variable points into the first, which points at the second, which points behind the third.
        let words = [(0x100, 0x103f), (0x1008, 0x2000), (0x2000, 0x3040), (0x2038, 0x1000), (0x4000, 0x3000)];
        assert_eq!(scan(&nodes, &words, 0x100..0x108, &[]), [true, true, false, false]);
        // Only whole words count.
        assert_eq!(scan(&nodes, &words, 0x100..0x107, &[]), [false; 4]);
        assert_eq!(scan(&nodes, &words, 0xfc..0x110, &[]), [true, true, false, false]);
    }

    #[test]
    fn a_large_block_is_read_to_its_end() {
        let nodes = [node(0x10000, 0x5008, Kind::Block, 0), node(0x9000, 8, Kind::Block, 0)];
        let words = [(0x100, 0x10000), (0x15000, 0x9000)];
        assert_eq!(scan(&nodes, &words, 0x100..0x108, &[]), [true, true]);
    }

    #[test]
    fn an_allocators_blocks_are_apart_from_its_buffer() {
        let nodes = [
            node(0x1000, 256, Kind::Buffer, 0),
            node(0x1000, 32, Kind::Block, 2),
            node(0x1040, 32, Kind::Block, 2),
            node(0x8000, 16, Kind::Block, 0),
            node(0x9000, 16, Kind::Block, 0),
        ];
        // The pool in a variable points at its buffer; its second block at something; so does what is left in a
        // free block.
        let words = [(0x100, 0x1000), (0x1040, 0x8000), (0x1080, 0x9000)];
        let reached = scan(&nodes, &words, 0x100..0x108, &[0x100]);
        assert_eq!(reached, [true, false, false, false, false]);
        let words = [(0x100, 0x1000), (0x108, 0x1040), (0x1040, 0x8000), (0x1080, 0x9000)];
        let reached = scan(&nodes, &words, 0x100..0x110, &[0x100]);
        assert_eq!(reached, [true, false, true, true, false]);
    }

    #[test]
    fn what_is_lent_lives_as_long_as_its_buffer() {
        let nodes = [
            node(0x1000, 256, Kind::Block, 0),
            node(0x1010, 16, Kind::Lent, 1),
            node(0x8000, 16, Kind::Block, 0),
            node(0x204, 16, Kind::Lent, 1),
        ];
        let words = [(0x100, 0x1000), (0x1010, 0x8000)];
        assert_eq!(scan(&nodes, &words, 0x100..0x108, &[0x100]), [true, true, true, false]);
        assert_eq!(scan(&nodes, &words, 0x108..0x110, &[]), [false; 4]);
        // A buffer may be a variable as well.
        assert_eq!(scan(&nodes, &words, 0x200..0x300, &[]), [false, false, false, true]);
    }
}
