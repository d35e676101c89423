import Net
import Packets
import _Concurrency

extension Network {
  /// The addresses of a host, best first.
  ///
  /// The DNS servers of the lease are asked, over UDP, and over TCP for what
  /// does not fit; what they said is remembered for as long as they allow. A
  /// short name is looked for in the lease's domains, too; a dot at its end says
  /// that it is whole. An address as text is its own answer. Names below
  /// `.local` are of the link and not of servers, which are not asked: there is
  /// no such name here.
  ///
  ///     let addresses = try await network.resolve("example.com")
  ///
  /// - Parameter name: The name, in ASCII.
  /// - Returns: One address at least, eight at the most.
  /// - Throws: ``ResolveError``.
  public func resolve(
    _ name: String
  ) async throws(ResolveError) -> [IPAddress] {
    if let address = IPv4Address(name) { return [IPAddress(address)] }
    let lease = host.lease
    guard
      let candidates = (lease?.searchList ?? SearchList())
        .candidates(for: name)
    else { throw .invalidName }
    // RFC 6761 §6.3: this one is never asked for.
    if candidates.last == DNSName("localhost") {
      return [IPAddress(IPv4Address(127, 0, 0, 1))]
    }
    var failure = ResolveError.noName
    for candidate in candidates {
      do throws(ResolveError) {
        switch try await host.answer(about: candidate) {
        case .addresses(let addresses, _):
          return addresses
        case .noName: break
        // The next domain may have one.
        case .noAddress: failure = failure == .noName ? .noAddress : failure
        }
      } catch .serverFailure {
        // Servers refuse what is not theirs; the next name may be.
        failure = .serverFailure
      }
    }
    throw failure
  }
}

extension Host {
  /// What the DNS says of `name`; asks, or waits for who asks already.
  fileprivate func answer(
    about name: DNSName
  ) async throws(ResolveError) -> DNSAnswer {
    while true {
      let servers = nameServers
      switch names.begin(name, servers: servers, at: now) {
      case .known(let answer): return answer
      case .full: throw .limitReached
      case .ask(let number):
        let outcome = await ask(about: name, servers)
        names.finish(number, outcome, at: now)
        wakeAnswered()
        return try outcome.get()
      case .join(let number):
        let outcome = try await outcome(of: number)
        // The task that asked was cancelled: another has to ask.
        if case .failure(.cancelled) = outcome { continue }
        return try outcome.get()
      }
    }
  }

  private func outcome(
    of number: UInt32
  ) async throws(ResolveError) -> NameTable.Outcome {
    while true {
      if let outcome = names.take(number) { return outcome }
      guard await wait(for: .answer, until: nil) == .ready else {
        names.leave(number)
        throw .cancelled
      }
    }
  }

  private func ask(
    about name: DNSName,
    _ servers: [IPAddress]
  ) async -> NameTable.Outcome {
    var query = DNSQuery(
      name,
      servers: servers,
      limits: names.limits,
      random: stack.makeRandomNumbers(),
      at: now
    )
    while !Task.isCancelled {
      switch query.next(at: now) {
      case .answered(let answer): return .success(answer)
      case .failed(let error): return .failure(error)
      case .ask(let attempt):
        if attempt.isStream {
          await askByStream(attempt, &query)
        } else if !(await askByDatagram(attempt, &query)) {
          return .failure(.limitReached)
        }
      }
    }
    return .failure(.cancelled)
  }

  /// How long it is until `deadline`.
  private func time(until deadline: Instant) -> Duration {
    .nanoseconds(max((deadline - now).nanoseconds, 0))
  }

  private func take(
    _ message: RawSpan,
    from source: Endpoint,
    _ query: inout DNSQuery
  ) {
    do throws(DNSError) {
      try query.receive(message, from: source)
    } catch {
      names.count(error)
    }
  }

  private func take(
    _ datagram: borrowing ReceivedDatagram,
    _ query: inout DNSQuery
  ) {
    take(datagram.bytes, from: datagram.source, &query)
  }

  /// - Returns: Whether there was a socket to ask with.
  private func askByDatagram(
    _ attempt: DNSQuery.Attempt,
    _ query: inout DNSQuery
  ) async -> Bool {
    let socket: DatagramSocket
    do throws(NetworkError) {
      // RFC 5452 §9.2: from a port that nobody can know.
      socket = try Network(host: self).bind()
    } catch {
      return false
    }
    do throws(NetworkError) {
      try await socket.send(attempt.message.rawBytes, to: attempt.server)
    } catch {
      query.serverIsUnreachable()
      return true
    }
    while query.isWaiting {
      guard
        let datagram = await socket.receive(
          timeout: time(until: attempt.deadline)
        )
      else { break }
      take(datagram, &query)
    }
    socket.close()
    return true
  }

  private func askByStream(
    _ attempt: DNSQuery.Attempt,
    _ query: inout DNSQuery
  ) async {
    let connection: Connection
    do throws(NetworkError) {
      connection = try await Network(host: self).connect(
        to: attempt.server,
        timeout: time(until: attempt.deadline)
      )
    } catch {
      return query.serverIsUnreachable()
    }
    let framed = DNSStreamBuffer.frame(attempt.message)
    await connection.write(
      framed.rawBytes,
      timeout: time(until: attempt.deadline)
    )
    var buffer = DNSStreamBuffer(limit: names.limits.streamBytes)
    while buffer.message == nil {
      let timeout = time(until: attempt.deadline)
      guard let bytes = await connection.read(timeout: timeout),
        append(bytes, to: &buffer)
      else { break }
    }
    // RFC 7766 §6.2.4 lets who asks close when it has its answer.
    if let message = buffer.message {
      connection.close()
      take(message.rawBytes, from: attempt.server, &query)
    } else {
      connection.abort()
      query.serverIsUnreachable()
    }
  }

  /// - Returns: Whether the message can still become whole.
  private func append(
    _ bytes: borrowing ReceivedBytes,
    to buffer: inout DNSStreamBuffer
  ) -> Bool {
    do throws(DNSError) {
      try buffer.append(bytes.bytes)
      return true
    } catch {
      names.count(error)
      return false
    }
  }
}
