// SPDX-License-Identifier: GPL-3.0-only

// What the interface is made of: stops, resumes, registers, mappings, and the wish that a wait ends. Who
// imports WorldVM needs to import nothing else.
@_exported public import Linux
@_exported public import XVCore
