import BasicContainers

@testable import Net

/// Most tests have one interface.
extension TCP {
  /// What its device does with what is sent.
  var capabilities: LinkCapabilities {
    get { outlets[0].capabilities }
    set { outlets[0].capabilities = newValue }
  }
}
