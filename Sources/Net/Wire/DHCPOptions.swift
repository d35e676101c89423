import Packets

/// The options of a message, each with all of its parts joined.
///
/// A value of more than 255 bytes comes in several options with one code, and
/// these may lie in three fields: the options', then the file's and then the
/// server name's, if option 52 says so. They are one value before anyone reads
/// it. RFC 3396 §5 and §7; RFC 2131 §4.1 says it of every option.
struct DHCPOptions {
  private typealias Field = DHCPMessage.Field
  private typealias Option = DHCPMessage.Option

  /// Only options that somebody here reads: what a message can cost is bounded
  /// by their number and by its size.
  private var values: [(code: UInt8, bytes: [UInt8])] = []

  /// Gathers the options of `message`, which is at least as long as its fixed
  /// part.
  init(gathering message: RawSpan) throws(DropReason) {
    try gather(message.extracting(Field.options..<message.byteCount))
    var overload: UInt8 = 0
    if let value = self[Option.overload] {
      // RFC 2132 §9.3: 1, 2 or both.
      guard value.count == 1, 1...3 ~= value[0] else {
        throw DropReason.dhcpOptionMalformed
      }
      overload = value[0]
    }
    // Neither of the two can ask for more: it is too late to be heard.
    if overload & 1 != 0 {
      try gather(message.extracting(Field.file..<Field.cookie))
    }
    if overload & 2 != 0 {
      try gather(message.extracting(Field.serverName..<Field.file))
    }
  }

  /// The value of an option that this client knows.
  subscript(code: UInt8) -> [UInt8]? {
    for value in values where value.code == code { return value.bytes }
    return nil
  }

  private mutating func gather(_ options: RawSpan) throws(DropReason) {
    var offset = 0
    // Each turn takes one byte at least, so this ends.
    while offset < options.byteCount {
      let code = options.byte(at: offset)
      offset += 1
      if code == Option.end { return }
      if code == Option.pad { continue }
      guard offset < options.byteCount else {
        throw DropReason.dhcpOptionMalformed
      }
      let length = Int(options.byte(at: offset))
      offset += 1
      guard length <= options.byteCount - offset else {
        throw DropReason.dhcpOptionMalformed
      }
      // RFC 2132 §2: options that are not known are skipped by their length.
      if Option.isRead(code) {
        append(options.extracting(offset..<(offset + length)), to: code)
      }
      offset += length
    }
  }

  private mutating func append(_ part: RawSpan, to code: UInt8) {
    var place = values.count
    for index in values.indices where values[index].code == code {
      place = index
    }
    if place == values.count { values.append((code, [])) }
    for offset in 0..<part.byteCount {
      values[place].bytes.append(part.byte(at: offset))
    }
  }
}
