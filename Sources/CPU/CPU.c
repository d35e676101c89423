// SwiftPM wants a source file; everything is in the headers.
