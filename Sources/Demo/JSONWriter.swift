import Apus

/// A JSON text in the making, on one line. RFC 8259.
///
/// What it opens has to be closed, and every member of an object has a key
/// before its value; commas come by themselves.
struct JSONWriter {
  private(set) var text = Text()
  /// Whether a value stands before the next one.
  private var needsComma = false

  // MARK: Structure

  mutating func beginObject() { open("{") }

  mutating func endObject() { close("}") }

  mutating func beginArray() { open("[") }

  mutating func endArray() { close("]") }

  /// What the next value is called.
  mutating func key(_ name: String) {
    value(name)
    text.append(":")
    needsComma = false
  }

  private mutating func open(_ bracket: String) {
    separate()
    text.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: String) {
    text.append(bracket)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { text.append(",") }
    needsComma = true
  }

  // MARK: Values

  mutating func null() {
    separate()
    text.append("null")
  }

  mutating func value(_ isTrue: Bool) {
    separate()
    text.append(isTrue ? "true" : "false")
  }

  mutating func value(_ number: some BinaryInteger) {
    separate()
    text.append(number)
  }

  /// A number, or null.
  mutating func value(ifAny number: (some BinaryInteger)?) {
    if let number { value(number) } else { null() }
  }

  mutating func value(_ string: String) {
    value { text in
      for byte in string.utf8 { text.append(inJSON: byte) }
    }
  }

  /// A string that `body` writes, of characters that stand for themselves.
  mutating func value(_ body: (inout Text) -> Void) {
    separate()
    text.append("\"")
    body(&text)
    text.append("\"")
  }

  /// Takes what was written so far, to be sent.
  mutating func takeText() -> Text {
    let taken = text
    text = Text()
    return taken
  }
}

extension Text {
  /// RFC 8259 §7: quotes, backslashes and controls cannot stand for themselves.
  fileprivate mutating func append(inJSON byte: UInt8) {
    switch byte {
    case 0x22: append("\\\"")
    case 0x5C: append("\\\\")
    case 0..<0x20:
      append("\\u00")
      append(hexadecimal: byte)
    default: append(byte: byte)
    }
  }
}
