// A tar's headers into an entry of one component, and the other way of looking at names: what leaves the
// component's root is refused here, before anything else sees it.
#pragma once

#include "archive/archived_entry.hpp"
#include "archive/tar_header.hpp"

#include <string>

namespace miraclemax::archive {

// The header of the entry itself with its extended header's records. prefix: the component's name, which all
// names begin with; single: its only entry is a file without a root. Throws Error (damaged); the sentence
// names the entry.
ArchivedEntry entry_of(TarHeader header, TarRecords records, const std::string& prefix, bool single);

} // namespace miraclemax::archive
