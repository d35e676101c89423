/// What the responder says.
extension MulticastDNSResponder {
  /// RFC 6762 §10.2: the top bit says that there are no other such records.
  private static let onlyOnes: UInt16 = DNSMessage.internet | 1 << 15
  /// RFC 6762 §5.4: the top bit of a question asks for an answer to the asker.
  static let askerOnly: UInt16 = 1 << 15

  var addressData: [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.bits >> $0) }
  }

  /// Which types there are: A alone. RFC 6762 §6.1, RFC 4034 §4.1.
  private var typesData: [UInt8] { name.bytes + [0, 1, 0x40] }

  var probeMessage: Message {
    var message = DNSWriter(identifier: 0, flags: 0)
    var question = DNSQuestion(name: name, kind: DNSMessage.Kind.any)
    question.recordClass = DNSMessage.internet | Self.askerOnly
    message.add(question)
    // RFC 6762 §8.2: what would be ours, for who probes at the same time.
    message.add(
      name,
      DNSMessage.Kind.address,
      recordClass: DNSMessage.internet,
      timeToLive: Self.timeToLive,
      addressData,
      to: .authorities
    )
    return Message(destination: Self.group, bytes: message.bytes)
  }

  /// The address, and that there is nothing else.
  func response(
    timeToLive: UInt32,
    identifier: UInt16 = 0,
    question: DNSQuestion? = nil
  ) -> [UInt8] {
    var message = DNSWriter(
      identifier: identifier,
      flags: DNSMessage.Flag.response | DNSMessage.Flag.authoritative
    )
    // RFC 6762 §6.7: a plain resolver wants its question back, and would take
    // the bit for a class that it does not know.
    if let question { message.add(question) }
    let recordClass = question == nil ? Self.onlyOnes : DNSMessage.internet
    let wantsAddress =
      question.map {
        $0.kind == DNSMessage.Kind.address || $0.kind == DNSMessage.Kind.any
      } ?? true
    if wantsAddress {
      message.add(
        name,
        DNSMessage.Kind.address,
        recordClass: recordClass,
        timeToLive: timeToLive,
        addressData,
        to: .answers
      )
    }
    message.add(
      name,
      DNSMessage.Kind.nextSecure,
      recordClass: recordClass,
      timeToLive: timeToLive,
      typesData,
      to: wantsAddress ? .additionals : .answers
    )
    return message.bytes
  }
}
