// SPDX-License-Identifier: GPL-3.0-only
public import XVCore

/// What is loaded into a world: the main program, the dynamic linker, libraries.
public struct LoadState: Sendable {
  /// One ELF file in memory.
  public struct Module: Hashable, Sendable {
    /// Its file, as the kernel (main program) or the dynamic linker names it.
    public var path: String
    /// Load bias: what is added to the ELF file's addresses (link_map.l_addr).
    public var base: Address
    /// Address of its link_map, 0 when it is not on the dynamic linker's list.
    public var linkMap: Address
    /// Address of its dynamic section (link_map.l_ld).
    public var dynamicSection: Address
    /// Address of the r_debug of its link-map namespace (`lmid`), 0 when it is on no list.
    public var namespace: Address
    /// The NT_GNU_BUILD_ID of its file; empty when it has none.
    public var buildID: [UInt8]

    public init(
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

  public var main: Module
  /// In the dynamic linker's order, the main program left out. Before there is a list: the dynamic
  /// linker alone, on no list.
  public var libraries: [Module]

  public init(main: Module, libraries: [Module]) {
    self.main = main
    self.libraries = libraries
  }
}
