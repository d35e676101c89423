import Foundation
import Glibc

/// A process of this machine, as /proc shows it. proc(5), /proc/pid/stat.
public struct ProcessState: Sendable {
  /// Its identifier.
  public let identifier: Int32

  /// The name of its program, at most 15 bytes of it.
  public let name: String

  /// Who started it.
  public let parent: Int32

  /// How long it has run on a processor, all threads together, in the kernel
  /// and out of it; known to 10 ms.
  public let processorTime: Duration

  /// Reads what `identifier` is doing; `nil` when there is no such process, or
  /// one that has ended.
  public init?(of identifier: Int32) {
    guard
      let line = try? String(
        contentsOfFile: "/proc/\(identifier)/stat",
        encoding: .utf8
      ),
      // The name is in parentheses and may have some itself.
      let opening = line.firstIndex(of: "("),
      let closing = line.lastIndex(of: ")")
    else { return nil }
    // Field 3 of proc(5), the state, comes first.
    let fields = line[line.index(after: closing)...].split(separator: " ")
    guard fields.count > 12, fields[0] != "Z",
      let parent = Int32(fields[1]),
      let userTicks = Int64(fields[11]), let systemTicks = Int64(fields[12])
    else { return nil }
    self.identifier = identifier
    self.name = String(line[line.index(after: opening)..<closing])
    self.parent = parent
    let milliseconds = 1000 / Int64(sysconf(Int32(_SC_CLK_TCK)))
    processorTime = .milliseconds((userTicks + systemTicks) * milliseconds)
  }

  /// All that `ancestor` started, and what those started.
  public static func descendants(of ancestor: Int32) throws -> [ProcessState] {
    let all = try FileManager.default.contentsOfDirectory(atPath: "/proc")
      .compactMap { Int32($0) }.compactMap { ProcessState(of: $0) }
    var found: [ProcessState] = []
    var parents: Set<Int32> = [ancestor]
    while !parents.isEmpty {
      let children = all.filter { parents.contains($0.parent) }
      found += children
      parents = Set(children.map(\.identifier))
    }
    return found
  }
}

extension Service {
  /// The QEMU that run-qemu.sh has started.
  public var emulator: ProcessState? {
    get throws {
      try ProcessState.descendants(of: processIdentifier)
        .first { $0.name.hasPrefix("qemu-system") }
    }
  }
}
