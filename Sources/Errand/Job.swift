import Apus

/// What one client asked for.
struct Job {
  let system: System
  let client: Client

  /// How long a connection may take to come about.
  private static let patience = Duration.seconds(30)

  /// Does what `line` says, and answers.
  func run(_ line: [UInt8]) async {
    let words = line.split(separator: 0x20).map { Array($0) }
    if words.count == 3, words[0] == "connect",
      let target = endpoint(words[1], words[2])
    {
      await echo(target)
    } else if words.count == 4, words[0] == "reset",
      let target = endpoint(words[1], words[2]), let count = number(words[3])
    {
      await echo(target, resetsAfter: count)
    } else if words.count == 4, words[0] == "keep",
      let target = endpoint(words[1], words[2]), let count = number(words[3])
    {
      await echo(target, probes: count)
    } else if words.count == 2, words[0] == "resolve" {
      await resolve(words[1])
    } else if words.count == 1, words[0] == "date" {
      guard let date = await system.waitUntilDateIsKnown() else { return }
      await client.say("date " + date.text)
    } else {
      await client.say("failed: no such errand")
    }
  }

  private func number(_ word: [UInt8]) -> Int? {
    Int(String(decoding: word, as: UTF8.self))
  }

  private func endpoint(_ address: [UInt8], _ port: [UInt8]) -> Endpoint? {
    guard let address = IPv4Address(String(decoding: address, as: UTF8.self)),
      let number = number(port), let port = UInt16(exactly: number)
    else { return nil }
    return Endpoint(address: address, port: port)
  }

  /// Connects, and sends back what comes; after so many bytes it resets. A peer
  /// that is silent is asked each second whether it is there, until so many
  /// probes were not answered.
  private func echo(
    _ target: Endpoint,
    resetsAfter limit: Int? = nil,
    probes: Int? = nil
  ) async {
    let connection: Connection
    do throws(NetworkError) {
      connection = try await system.network.connect(
        to: target,
        timeout: Self.patience
      )
    } catch {
      return await client.say("failed: " + error.text)
    }
    if let probes {
      connection.setKeepalive(
        after: .seconds(1),
        every: .seconds(1),
        probes: probes
      )
    }
    await client.say("connected")
    var count = 0
    while count < limit ?? .max, let bytes = await connection.read() {
      count += bytes.count
      guard await connection.write(consuming: bytes) else { break }
    }
    if let error = connection.failure {
      return await client.say("failed: " + error.text)
    }
    if limit == nil { connection.close() } else { connection.abort() }
    await client.say("ended " + String(count))
  }

  private func resolve(_ name: [UInt8]) async {
    do throws(ResolveError) {
      let addresses = try await system.network.resolve(
        String(decoding: name, as: UTF8.self)
      )
      for address in addresses {
        guard let address = address.ipv4 else { continue }
        await client.say("address " + address.text)
      }
    } catch {
      await client.say("failed: " + error.text)
    }
  }
}
