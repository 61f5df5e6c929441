// SPDX-License-Identifier: GPL-3.0-only
internal import XVCore

/// What is loaded into a world: the main program, the dynamic linker, libraries.
package struct LoadState: Sendable {
  /// One ELF file in memory.
  package struct Module: Hashable, Sendable {
    /// Its file, as the kernel (main program) or the dynamic linker names it.
    package var path: String
    /// Load bias: what is added to the ELF file's addresses (link_map.l_addr).
    package var base: Address
    /// Address of its link_map, 0 when it is not on the dynamic linker's list.
    package var linkMap: Address
    /// Address of its dynamic section (link_map.l_ld).
    package var dynamicSection: Address
    /// Address of the r_debug of its link-map namespace (`lmid`), 0 when it is on no list.
    package var namespace: Address
    /// The NT_GNU_BUILD_ID of its file; empty when it has none.
    package var buildID: [UInt8]

    package init(
      path: String, base: Address, linkMap: Address, dynamicSection: Address,
      namespace: Address = Address(0), buildID: [UInt8] = []
    ) {
      self.path = path
      self.base = base
      self.linkMap = linkMap
      self.dynamicSection = dynamicSection
      self.namespace = namespace
      self.buildID = buildID
    }
  }

  package var main: Module
  /// In the dynamic linker's order, the main program left out. Before there is a list: the dynamic
  /// linker alone, on no list.
  package var libraries: [Module]

  package init(main: Module, libraries: [Module]) {
    self.main = main
    self.libraries = libraries
  }
}
