// SPDX-License-Identifier: Apache-2.0
#include "BuildId.h"

#include "llvm/ADT/StringExtras.h"

#include <cstring>
#include <link.h>

namespace weft::compiler {
namespace {

struct Search {
  uintptr_t code; // an address in the file looked for
  std::string id;
};

bool holds(const dl_phdr_info &file, uintptr_t address) {
  for (int i = 0; i < file.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = file.dlpi_phdr[i];
    uintptr_t begin = file.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && address >= begin &&
        address < begin + segment.p_memsz)
      return true;
  }
  return false;
}

/// The build id among the notes of a segment; empty if it is not there.
std::string idIn(const char *notes, size_t size) {
  auto aligned = [](size_t n) { return (n + 3) & ~size_t(3); };
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes, sizeof(note));
    size_t total =
        sizeof(note) + aligned(note.n_namesz) + aligned(note.n_descsz);
    if (total > size)
      return {};
    const char *name = notes + sizeof(note);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(name, "GNU", 4) == 0)
      return llvm::toHex(llvm::StringRef(name + 4, note.n_descsz));
    notes += total;
    size -= total;
  }
  return {};
}

int visit(dl_phdr_info *file, size_t, void *data) {
  auto &search = *static_cast<Search *>(data);
  if (!holds(*file, search.code))
    return 0;
  for (int i = 0; i < file->dlpi_phnum && search.id.empty(); ++i)
    if (file->dlpi_phdr[i].p_type == PT_NOTE)
      search.id = idIn(reinterpret_cast<const char *>(
                           file->dlpi_addr + file->dlpi_phdr[i].p_vaddr),
                       file->dlpi_phdr[i].p_filesz);
  return 1;
}

} // namespace

std::string buildId() {
  Search search{reinterpret_cast<uintptr_t>(&buildId), {}};
  dl_iterate_phdr(visit, &search);
  return search.id;
}

} // namespace weft::compiler
