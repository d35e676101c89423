import Glibc

/// How lies are told.
extension Device {
  func give(
    _ completions: [Completion],
    _ lie: Lie?,
    writableCount: Int
  ) {
    guard let lie else {
      return queues[QueueIndex.receive].complete(completions)
    }
    if lie == .wrongWrap, belated == nil {
      queues[QueueIndex.receive].completeWithWrongWrap(completions[0])
      queues[QueueIndex.receive].call?.signal()
      belated = completions[0]
      return
    }
    let told = Liar.turn(
      completions,
      into: lie,
      queue: queues[QueueIndex.receive],
      writableCount: writableCount
    )
    if lie == .receiveIndexTooFar { queues[QueueIndex.receive].jump() }
    queues[QueueIndex.receive].complete(told)
  }

  func tellAnytime(_ lie: Lie) {
    switch lie {
    case .suppressionRubbish:
      for queue in queues { queue.writeSuppression(&liar.random) }
    case .randomRings:
      for queue in queues {
        queue.scribble(&liar.random)
        queue.call?.signal()
      }
      // The driver gets until the next tick to see it.
      hasRubbish = liar.left == 0
      return
    case .interruptStorm:
      for _ in 0..<Self.stormSize {
        for queue in queues { queue.call?.signal() }
        sched_yield()
      }
    case .connectionLost: disconnect()
    default: return
    }
    // The driver may have been told not to notify.
    if liar.left == 0 { queues.indices.forEach(serve) }
  }

  func noteLie() {
    let left = liar.left
    board.update {
      $0.liesTold += 1
      $0.liesLeft = left
      $0.pongsSinceLie = 0
    }
  }

  func random(count: Int) -> [UInt8] {
    (0..<max(0, count)).map { _ in
      UInt8.random(in: 0...(.max), using: &liar.random)
    }
  }

  func note(_ error: VhostUserError) {
    board.update { $0.violations.append(error.description) }
  }
}
