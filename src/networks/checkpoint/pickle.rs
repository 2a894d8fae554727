//! The pickle machine: a stack, a memo, containers and tensors; no classes, no calls.
//!
//! Opcodes are those of Python's `pickletools`, protocols 2 to 5, that a state dict uses. Containers live in
//! tables and values refer to them by number, as pickles build them first and fill them later; so no value
//! contains another one, and nesting needs no recursion.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::Malformed;
use super::number::Number;
use super::reader::Reader;

/// What a pickle may name. All else is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Number),
}

impl Global {
    fn named(module: &str, name: &str) -> Result<Self, Malformed> {
        let global = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch", class) => Number::of_storage(class).map(Self::Storage),
            _ => None,
        };
        global.ok_or_else(|| Malformed::ForbiddenGlobal(format!("{module}.{name}")))
    }
}

/// Part of a storage, by the key under which the file holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    pub key: Rc<str>,
    pub number: Number,
    /// Elements in the whole storage.
    pub numel: usize,
    /// Elements before this part; tensors count from here.
    pub offset: usize,
}

/// A strided view of a storage; lengths, offset and strides count elements.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    pub storage: Rc<Storage>,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// A value on the stack. Numbers of containers point into the [`Heap`].
#[derive(Clone, Debug)]
pub enum Value {
    /// `None`, truth values, floats, large integers: present, never looked at.
    Opaque,
    Int(i64),
    Text(Rc<str>),
    Global(Global),
    Storage(Rc<Storage>),
    Tensor(Rc<View>),
    Sequence(usize),
    Dict(usize),
}

/// All containers of a pickle.
#[derive(Debug, Default)]
pub struct Heap {
    sequences: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
}

impl Heap {
    /// The elements of a list or tuple.
    pub fn sequence(&self, value: &Value) -> Option<&[Value]> {
        match value {
            Value::Sequence(number) => self.sequences.get(*number).map(Vec::as_slice),
            _ => None,
        }
    }

    /// The items of a dict, in order.
    pub fn dict(&self, value: &Value) -> Option<&[(Value, Value)]> {
        match value {
            Value::Dict(number) => self.dicts.get(*number).map(Vec::as_slice),
            _ => None,
        }
    }

    fn new_sequence(&mut self, values: Vec<Value>) -> Value {
        self.sequences.push(values);
        Value::Sequence(self.sequences.len() - 1)
    }

    fn new_dict(&mut self, items: Vec<(Value, Value)>) -> Value {
        self.dicts.push(items);
        Value::Dict(self.dicts.len() - 1)
    }

    /// A list or tuple of non-negative integers.
    fn lengths(&self, value: &Value) -> Option<Vec<usize>> {
        self.sequence(value)?.iter().map(Value::as_length).collect()
    }
}

impl Value {
    fn as_length(&self) -> Option<usize> {
        match self {
            Self::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }
}

/// Runs the pickle at the reader's position up to and including its STOP.
pub fn run(reader: &mut Reader) -> Result<(Value, Heap), Malformed> {
    let mut machine = Machine::default();
    loop {
        let offset = reader.position();
        let opcode = reader.u8()?;
        if opcode == b'.' {
            return Ok((machine.pop()?, machine.heap));
        }
        machine.step(opcode, offset, reader)?;
    }
}

#[derive(Debug, Default)]
struct Machine {
    stack: Vec<Value>,
    marks: Vec<usize>,
    /// By number, whatever numbers a file chooses: it has one entry for each opcode that made it.
    memo: BTreeMap<usize, Value>,
    heap: Heap,
    /// Items that calls have copied out of lists.
    copied: usize,
}

impl Machine {
    fn step(&mut self, opcode: u8, offset: usize, reader: &mut Reader) -> Result<(), Malformed> {
        match opcode {
            // PROTO, FRAME: nothing to do.
            0x80 => drop(reader.u8()?),
            0x95 => drop(reader.u64()?),
            b'(' => self.marks.push(self.stack.len()),
            // POP; BUILD, which sets attributes of an OrderedDict (`_metadata`), of no use here.
            b'0' | b'b' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => self.push_copy_of(self.stack.last().cloned())?,
            // NONE, NEWTRUE, NEWFALSE, BINFLOAT.
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Opaque),
            b'G' => {
                reader.u64()?;
                self.stack.push(Value::Opaque);
            }
            b'J' => self.push_int(i64::from(reader.u32()? as i32)),
            b'K' => self.push_int(i64::from(reader.u8()?)),
            b'M' => self.push_int(i64::from(reader.u16()?)),
            0x8a => {
                let length = reader.u8()?;
                let digits = reader.take(length.into(), "an integer")?;
                self.stack.push(integer(digits));
            }
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8; BINSTRING and SHORT_BINSTRING of Python 2.
            b'X' | b'T' => self.push_text(reader.u32()?.into(), reader)?,
            0x8c | b'U' => self.push_text(reader.u8()?.into(), reader)?,
            0x8d => self.push_text(reader.u64()?, reader)?,
            b']' | b')' => self.push_sequence(Vec::new()),
            b'}' => self.push_dict(Vec::new()),
            b't' | b'l' => {
                let values = self.pop_to_mark()?;
                self.push_sequence(values);
            }
            0x85..=0x87 => {
                let values = self.pop_last(usize::from(opcode - 0x84))?;
                self.push_sequence(values);
            }
            b'a' => {
                let values = vec![self.pop()?];
                self.extend_sequence(values)?;
            }
            b'e' => {
                let values = self.pop_to_mark()?;
                self.extend_sequence(values)?;
            }
            b's' => {
                let values = self.pop_last(2)?;
                self.extend_dict(&values)?;
            }
            b'u' => {
                let values = self.pop_to_mark()?;
                self.extend_dict(&values)?;
            }
            b'c' => {
                let (module, name) = (reader.line()?, reader.line()?);
                self.stack.push(Value::Global(Global::named(module, name)?));
            }
            0x93 => match self.pop_last(2)?.as_slice() {
                [Value::Text(module), Value::Text(name)] => {
                    self.stack.push(Value::Global(Global::named(module, name)?));
                }
                _ => return Err(Malformed::Pickle("a global has no name")),
            },
            b'Q' => self.load_storage()?,
            b'R' => self.reduce()?,
            b'q' => self.remember(usize::from(reader.u8()?))?,
            b'r' => self.remember(reader.u32()? as usize)?,
            0x94 => self.remember(self.memo.len())?,
            b'h' => self.recall(usize::from(reader.u8()?))?,
            b'j' => self.recall(reader.u32()? as usize)?,
            _ => return Err(Malformed::UnknownOpcode { opcode, offset }),
        }
        Ok(())
    }

    /// The floor below which an opcode must not reach: values under the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Value, Malformed> {
        let above = self.stack.len() > self.floor();
        self.stack.pop().filter(|_| above).ok_or(UNDERFLOW)
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Value>, Malformed> {
        let start = self.stack.len().checked_sub(count).filter(|&start| start >= self.floor());
        Ok(self.stack.split_off(start.ok_or(UNDERFLOW)?))
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, Malformed> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or(UNDERFLOW)?))
    }

    fn push_int(&mut self, number: i64) {
        self.stack.push(Value::Int(number));
    }

    fn push_text(&mut self, length: u64, reader: &mut Reader) -> Result<(), Malformed> {
        let text = str::from_utf8(reader.take(length, "a text")?);
        let text = text.map_err(|_| Malformed::Pickle("a text is not UTF-8"))?;
        self.stack.push(Value::Text(text.into()));
        Ok(())
    }

    fn push_sequence(&mut self, values: Vec<Value>) {
        let value = self.heap.new_sequence(values);
        self.stack.push(value);
    }

    fn push_dict(&mut self, items: Vec<(Value, Value)>) {
        let value = self.heap.new_dict(items);
        self.stack.push(value);
    }

    fn push_copy_of(&mut self, value: Option<Value>) -> Result<(), Malformed> {
        self.stack.push(value.ok_or(Malformed::Pickle("it refers to a value that is not there"))?);
        Ok(())
    }

    fn extend_sequence(&mut self, values: Vec<Value>) -> Result<(), Malformed> {
        let Some(Value::Sequence(number)) = self.stack.last() else {
            return Err(Malformed::Pickle("it appends to what is no list"));
        };
        self.heap.sequences[*number].extend(values);
        Ok(())
    }

    fn extend_dict(&mut self, values: &[Value]) -> Result<(), Malformed> {
        let Some(Value::Dict(number)) = self.stack.last() else {
            return Err(Malformed::Pickle("it puts items into what is no dict"));
        };
        let (pairs, rest) = values.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Malformed::Pickle("a key has no value"));
        }
        self.heap.dicts[*number].extend(pairs.iter().cloned().map(|[key, value]| (key, value)));
        Ok(())
    }

    fn remember(&mut self, index: usize) -> Result<(), Malformed> {
        self.memo.insert(index, self.stack.last().cloned().ok_or(UNDERFLOW)?);
        Ok(())
    }

    fn recall(&mut self, index: usize) -> Result<(), Malformed> {
        self.push_copy_of(self.memo.get(&index).cloned())
    }

    /// BINPERSID: `("storage", class, key, location, numel[, view])`, view being `(key, offset, numel)`.
    fn load_storage(&mut self) -> Result<(), Malformed> {
        let id = self.pop()?;
        let storage = match self.heap.sequence(&id).unwrap_or_default() {
            [
                Value::Text(kind),
                Value::Global(Global::Storage(number)),
                Value::Text(key),
                _,
                numel,
                view @ ..,
            ] if **kind == *"storage" => {
                let offset = match view {
                    [] | [Value::Opaque] => Some(0),
                    [view] => self.heap.sequence(view).and_then(|view| view.get(1)?.as_length()),
                    _ => None,
                };
                numel.as_length().zip(offset).map(|(numel, offset)| Storage {
                    key: key.clone(),
                    number: *number,
                    numel,
                    offset,
                })
            }
            _ => None,
        };
        let storage = storage.ok_or(Malformed::Pickle("a storage is not described"))?;
        self.stack.push(Value::Storage(Rc::new(storage)));
        Ok(())
    }

    /// REDUCE: what calling one of our globals would give.
    fn reduce(&mut self) -> Result<(), Malformed> {
        let [called, arguments] = &self.pop_last(2)?[..] else { return Err(UNDERFLOW) };
        let Value::Global(global) = called else {
            return Err(Malformed::Pickle("it calls what is no function"));
        };
        let arguments = self.heap.sequence(arguments).unwrap_or_default();
        let length = |value: &Value| self.heap.sequence(value).map_or(0, <[Value]>::len);
        self.copied += arguments.iter().map(length).sum::<usize>();
        if self.copied > MOST_COPIED {
            return Err(Malformed::Pickle("it copies lists again and again"));
        }
        let value = match (global, arguments) {
            (Global::OrderedDict, []) => Some(self.heap.new_dict(Vec::new())),
            (Global::OrderedDict, [items]) => pairs(&self.heap, items).map(|items| self.heap.new_dict(items)),
            (Global::RebuildParameter, [value @ Value::Tensor(_), ..]) => Some(value.clone()),
            (Global::RebuildTensor, [Value::Storage(storage), offset, shape, strides, ..]) => {
                view(&self.heap, storage, offset, shape, strides).map(|view| Value::Tensor(Rc::new(view)))
            }
            _ => None,
        };
        self.stack.push(value.ok_or(Malformed::Pickle("a call has the wrong arguments"))?);
        Ok(())
    }
}

/// Items that all calls of a pickle may copy: shapes and strides of some 100,000 tensors.
const MOST_COPIED: usize = 1 << 20;

const UNDERFLOW: Malformed = Malformed::Pickle("its stack is too short");

fn view(heap: &Heap, storage: &Rc<Storage>, offset: &Value, shape: &Value, strides: &Value) -> Option<View> {
    let (shape, strides) = (heap.lengths(shape)?, heap.lengths(strides)?);
    let view = View { storage: storage.clone(), offset: offset.as_length()?, shape, strides };
    (view.shape.len() == view.strides.len()).then_some(view)
}

/// A list of pairs, as Python 2 wrote an `OrderedDict`.
fn pairs(heap: &Heap, items: &Value) -> Option<Vec<(Value, Value)>> {
    let pair = |item: &Value| match heap.sequence(item)? {
        [key, value] => Some((key.clone(), value.clone())),
        _ => None,
    };
    heap.sequence(items)?.iter().map(pair).collect()
}

/// LONG1: little-endian two's complement; more than 8 bytes only occur in magic numbers.
fn integer(digits: &[u8]) -> Value {
    if digits.len() > 8 {
        return Value::Opaque;
    }
    let sign = if digits.last().is_some_and(|&last| last >= 0x80) { 0xff } else { 0 };
    let mut bytes = [sign; 8];
    bytes[..digits.len()].copy_from_slice(digits);
    Value::Int(i64::from_le_bytes(bytes))
}
