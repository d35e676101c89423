import GuestHarness
import Testing
@Test func paths() { #expect(Repository.root.lastComponent != nil) }
