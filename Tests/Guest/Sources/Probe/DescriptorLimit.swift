import Glibc

/// Lets this process have as many descriptors as the system allows.
///
/// - Throws: ``ProbeFailure`` when those are too few for `connections`.
func raiseDescriptorLimit(for connections: Int) throws {
  let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  var limit = rlimit()
  // SAFETY: The value lives through both calls.
  guard unsafe getrlimit(resource, &limit) == 0 else {
    throw ProbeFailure("no limit of descriptors")
  }
  limit.rlim_cur = limit.rlim_max
  guard unsafe setrlimit(resource, &limit) == 0,
    limit.rlim_cur > connections + 64
  else {
    throw ProbeFailure(
      "\(limit.rlim_cur) descriptors are too few for \(connections)"
        + " connections: raise the hard limit (ulimit -Hn)"
    )
  }
}
