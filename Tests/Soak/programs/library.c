// SPDX-License-Identifier: GPL-3.0-only
// What the soak loads and unloads.
unsigned hash(unsigned value) { return value * 2654435761u + 17; }
