extension TCPCounters {
  /// Calls `body` with the name and the value of every count, in a fixed order.
  public func forEach(_ body: (StaticString, UInt64) -> Void) {
    body("tcp: segments received", segmentsReceived)
    body("tcp: segments sent", segmentsSent)
    body("tcp: segments retransmitted", segmentsRetransmitted)
    body("tcp: bytes received", bytesReceived)
    body("tcp: bytes sent", bytesSent)
    body("tcp: connections opened", connectionsOpened)
    body("tcp: connections accepted", connectionsAccepted)
    body("tcp: connections failed", connectionsFailed)
    body("tcp: connections timed out", connectionsTimedOut)
    body("tcp: connections never accepted", connectionsNeverAccepted)
    body("tcp: fin-wait-2 expired", finWait2Expired)
    body("tcp: released expired", releasedExpired)
    body("tcp: time-wait reopened", timeWaitReopened)
    body("tcp: time-wait evicted", timeWaitEvicted)
    body("tcp: retransmission timeouts", retransmissionTimeouts)
    body("tcp: fast retransmissions", fastRetransmissions)
    body("tcp: duplicate acknowledgements", duplicateAcknowledgements)
    body("tcp: window probes", windowProbes)
    body("tcp: delayed acknowledgements", delayedAcknowledgements)
    body("tcp: bytes copied", bytesCopied)
    body("tcp: out of order kept", outOfOrderKept)
    body("tcp: resets sent", resetsSent)
    body("tcp: resets received", resetsReceived)
    body("tcp: challenges sent", challengesSent)
    body("tcp: challenges suppressed", challengesSuppressed)
    body("tcp: probes answered", probesAnswered)
    body("tcp: syns repeated", synsRepeated)
    body("tcp: unreachable received", unreachableReceived)
    body("tcp: unreachable ignored", unreachableIgnored)
    body("tcp: malformed", malformed)
    body("tcp: malformed options", malformedOptions)
    body("tcp: checksum wrong", checksumWrong)
    body("tcp: not unicast", notUnicast)
    body("tcp: no connection", noConnection)
    body("tcp: half-open evicted", halfOpenEvicted)
    body("tcp: backlog full", backlogFull)
    body("tcp: table full", tableFull)
    body("tcp: replies full", repliesFull)
    body("tcp: outside window", outsideWindow)
    body("tcp: bad acknowledgements", badAcknowledgements)
    body("tcp: without acknowledgement", withoutAcknowledgement)
    body("tcp: not synchronized", notSynchronized)
    body("tcp: resets outside window", resetsOutsideWindow)
    body("tcp: resets challenged", resetsChallenged)
    body("tcp: syns challenged", synsChallenged)
    body("tcp: syns in window", synsInWindow)
    body("tcp: duplicate bytes", duplicateBytes)
    body("tcp: bytes beyond window", bytesBeyondWindow)
    body("tcp: out of order duplicates", outOfOrderDuplicates)
    body("tcp: out of order dropped", outOfOrderDropped)
    body("tcp: packets short", packetsShort)
    body("tcp: pool empty", poolEmpty)
    body("tcp: data after release", dataAfterRelease)

    // MARK: Link and IP

    body("tcp: paths smaller", pathsSmaller)
    body("tcp: path scans", pathScans)
    body("tcp: black holes", blackHoles)

    // MARK: DHCP, DNS and names

    // MARK: TCP sender

    body("tcp: duplicates reported", duplicatesReported)
    body("tcp: reordering expired", reorderingExpired)
    body("tcp: tail loss probes", tailLossProbes)
    body("tcp: reductions undone", reductionsUndone)
    body("tcp: congestion echoes", congestionEchoes)
    body("tcp: reneged", reneged)

    // MARK: TCP receiver and defence

    body("tcp: congestion experienced", congestionExperienced)
    body("tcp: timestamps old", timestampsOld)
    body("tcp: without timestamp", withoutTimestamp)
    body("tcp: keepalive probes", keepaliveProbes)
    body("tcp: paths suspected", pathsSuspected)
    body("tcp: time-wait ignored", timeWaitIgnored)
    body("tcp: cookies sent", cookiesSent)
    body("tcp: cookies accepted", cookiesAccepted)
    body("tcp: cookies wrong", cookiesWrong)
    body("tcp: cookies without room", cookiesWithoutRoom)
    body("tcp: selectively reneged", selectivelyReneged)

    // MARK: Scale

    body("tcp: send memory short", sendMemoryShort)
  }
}
