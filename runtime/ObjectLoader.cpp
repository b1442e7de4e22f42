// SPDX-License-Identifier: Apache-2.0
// Loads an x86-64 ELF relocatable object that needs nothing from outside but
// the C library's math functions.
#include "runtime/ObjectLoader.h"

#include "absl/strings/str_cat.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <elf.h>
#include <optional>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace weft::runtime {
namespace {

// Larger objects are damage: PC-relative references reach 2 GiB.
constexpr uint64_t kMaxImage = uint64_t(1) << 30;

Status damaged(std::string_view what) {
  return data_loss_error(absl::StrCat("object: ", std::string(what)));
}

Status unsupported(std::string_view what, std::string_view detail) {
  return unimplemented_error(
      absl::StrCat("object: ", std::string(what), ": ", std::string(detail)));
}

uint64_t alignUp(uint64_t value, uint64_t to) {
  return (value + to - 1) / to * to;
}

constexpr uint64_t kStubBytes = 16;

/// What kernels may call: functions of the C library that compute with their
/// arguments alone.
void *mathFunction(std::string_view name) {
#define WEFT_MATH_1(name)                                                      \
  {#name, reinterpret_cast<void *>(static_cast<double (*)(double)>(&::name))}, \
  {                                                                            \
    #name "f",                                                                 \
        reinterpret_cast<void *>(static_cast<float (*)(float)>(&::name##f))    \
  }
#define WEFT_MATH_2(name)                                                      \
  {#name, reinterpret_cast<void *>(                                            \
              static_cast<double (*)(double, double)>(&::name))},              \
  {                                                                            \
    #name "f", reinterpret_cast<void *>(                                       \
                   static_cast<float (*)(float, float)>(&::name##f))           \
  }
  static const std::map<std::string_view, void *> functions = {
      WEFT_MATH_1(exp),
      WEFT_MATH_1(log),
      WEFT_MATH_1(sin),
      WEFT_MATH_1(cos),
      WEFT_MATH_1(tanh),
      WEFT_MATH_1(erf),
      WEFT_MATH_1(floor),
      WEFT_MATH_2(pow),
      WEFT_MATH_2(fmod),
      {"fma", reinterpret_cast<void *>(
                  static_cast<double (*)(double, double, double)>(&::fma))},
      {"fmaf", reinterpret_cast<void *>(
                   static_cast<float (*)(float, float, float)>(&::fmaf))},
  };
#undef WEFT_MATH_1
#undef WEFT_MATH_2
  auto found = functions.find(name);
  return found == functions.end() ? nullptr : found->second;
}

std::string_view machineName(uint16_t machine) {
  return machine == EM_AARCH64 ? "aarch64" : "not x86-64";
}

} // namespace

/// One load, step by step: header, layout, copy, relocate, protect.
class ObjectReader {
public:
  explicit ObjectReader(std::string_view bytes) : bytes_(bytes) {}

  StatusOr<std::shared_ptr<const LoadedObject>> load() {
    for (auto step : {&ObjectReader::readHeader, &ObjectReader::readSymbols,
                      &ObjectReader::layOut, &ObjectReader::copySections,
                      &ObjectReader::relocate, &ObjectReader::protect})
      if (Status status = (this->*step)(); !status.ok())
        return status;
    return std::shared_ptr<const LoadedObject>(std::move(object_));
  }

private:
  /// Entry `index` of an array of T at `offset`, if it lies inside the file.
  template <typename T>
  std::optional<T> read(uint64_t offset, uint64_t index = 0) const {
    if (index > bytes_.size() / sizeof(T))
      return std::nullopt;
    uint64_t begin = offset + index * sizeof(T);
    if (begin < offset || begin > bytes_.size() ||
        bytes_.size() - begin < sizeof(T))
      return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + begin, sizeof(T));
    return value;
  }

  std::optional<std::string_view> contents(const Elf64_Shdr &section) const {
    if (section.sh_offset > bytes_.size() ||
        section.sh_size > bytes_.size() - section.sh_offset)
      return std::nullopt;
    return bytes_.substr(section.sh_offset, section.sh_size);
  }

  std::optional<std::string_view> stringAt(uint32_t section,
                                           uint64_t offset) const {
    if (section >= sections_.size())
      return std::nullopt;
    std::optional<std::string_view> table = contents(sections_[section]);
    if (!table || offset >= table->size())
      return std::nullopt;
    size_t end = table->find('\0', offset);
    if (end == std::string_view::npos)
      return std::nullopt;
    return table->substr(offset, end - offset);
  }

  Status readHeader() {
    auto header = read<Elf64_Ehdr>(0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
      return damaged("not an ELF file");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 ||
        header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_machine != EM_X86_64)
      return unsupported("machine", machineName(header->e_machine));
    if (header->e_type != ET_REL)
      return unsupported("file type", "not a relocatable object");
    if (header->e_shentsize != sizeof(Elf64_Shdr))
      return damaged("bad section header size");
    nameTable_ = header->e_shstrndx;
    for (uint16_t i = 0; i < header->e_shnum; ++i) {
      auto section = read<Elf64_Shdr>(header->e_shoff, i);
      if (!section)
        return damaged("section headers are cut off");
      sections_.push_back(*section);
    }
    return {};
  }

  // Unwind tables describe the code to debuggers; nothing here reads them.
  bool isLoaded(const Elf64_Shdr &section) const {
    std::string_view name = stringAt(nameTable_, section.sh_name).value_or("");
    return (section.sh_flags & SHF_ALLOC) && section.sh_size > 0 &&
           section.sh_type != SHT_X86_64_UNWIND && name != ".eh_frame";
  }

  static bool isCode(const Elf64_Shdr &section) {
    return section.sh_flags & SHF_EXECINSTR;
  }

  Status place(size_t index, uint64_t &end) {
    const Elf64_Shdr &section = sections_[index];
    uint64_t alignment = std::max<uint64_t>(section.sh_addralign, 1);
    if ((alignment & (alignment - 1)) || alignment > 4096)
      return damaged("bad section alignment");
    if (section.sh_size > kMaxImage)
      return damaged("section is too large");
    if (section.sh_type != SHT_NOBITS && !contents(section))
      return damaged("section is cut off");
    std::string_view name = stringAt(nameTable_, section.sh_name).value_or("");
    // Constant once relocated; everything else that can be written to would
    // be state shared by all calls.
    bool relocatedConstant = name.substr(0, 12) == ".data.rel.ro";
    if ((section.sh_flags & SHF_WRITE) && !relocatedConstant)
      return unsupported("writable data in section", name);
    end = alignUp(end, alignment);
    offsets_[index] = end;
    end += section.sh_size;
    return end > kMaxImage ? damaged("image is too large") : Status();
  }

  // Calls reach 2 GiB, the C library may lie farther away: each of its
  // functions that is called gets a jump to its full address.
  void placeStubs(uint64_t &end) {
    for (size_t i = 0; i < symbols_.size(); ++i) {
      if (symbols_[i].st_shndx != SHN_UNDEF)
        continue;
      auto name = stringAt(symbolNames_, symbols_[i].st_name);
      if (!name || !mathFunction(*name))
        continue;
      end = alignUp(end, kStubBytes);
      stubs_[i] = end;
      end += kStubBytes;
    }
  }

  void writeStubs() {
    for (auto [symbol, offset] : stubs_) {
      constexpr unsigned char jump[] = {0xff, 0x25, 0, 0, 0, 0}; // jmp [rip]
      auto target = reinterpret_cast<uint64_t>(
          mathFunction(*stringAt(symbolNames_, symbols_[symbol].st_name)));
      std::memcpy(object_->memory_ + offset, jump, sizeof(jump));
      std::memcpy(object_->memory_ + offset + sizeof(jump), &target, 8);
    }
  }

  // Code first, then constants from a page boundary on.
  Status layOut() {
    const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    offsets_.assign(sections_.size(), std::nullopt);
    uint64_t end = 0;
    for (bool code : {true, false}) {
      for (size_t i = 0; i < sections_.size(); ++i) {
        if (!isLoaded(sections_[i]) || isCode(sections_[i]) != code)
          continue;
        if (Status status = place(i, end); !status.ok())
          return status;
      }
      if (code)
        placeStubs(end);
      end = alignUp(end, page);
      if (code)
        codeBytes_ = end;
    }
    imageBytes_ = end;
    return imageBytes_ ? Status() : damaged("no code");
  }

  Status readSymbols() {
    for (const Elf64_Shdr &section : sections_) {
      if (section.sh_type != SHT_SYMTAB)
        continue;
      symbolNames_ = section.sh_link;
      uint64_t count = section.sh_size / sizeof(Elf64_Sym);
      for (uint64_t i = 0; i < count; ++i) {
        auto symbol = read<Elf64_Sym>(section.sh_offset, i);
        if (!symbol)
          return damaged("symbol table is cut off");
        symbols_.push_back(*symbol);
      }
      return {};
    }
    return damaged("no symbol table");
  }

  Status copySections() {
    void *memory = mmap(nullptr, imageBytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      return resource_exhausted_error(absl::StrCat(
          "object: no memory for ", imageBytes_, " bytes of code"));
    object_.reset(new LoadedObject);
    object_->memory_ = static_cast<std::byte *>(memory);
    object_->size_ = imageBytes_;
    for (size_t i = 0; i < sections_.size(); ++i)
      if (offsets_[i] && sections_[i].sh_type != SHT_NOBITS) {
        std::string_view data = *contents(sections_[i]);
        std::memcpy(object_->memory_ + *offsets_[i], data.data(), data.size());
      }
    writeStubs();
    return {};
  }

  /// Where a symbol lies in the image.
  StatusOr<uint64_t> address(uint64_t index) const {
    if (index >= symbols_.size())
      return damaged("relocation of an unknown symbol");
    const Elf64_Sym &symbol = symbols_[index];
    std::string_view name =
        stringAt(symbolNames_, symbol.st_name).value_or("?");
    if (symbol.st_shndx == SHN_UNDEF) {
      auto stub = stubs_.find(index);
      if (stub == stubs_.end())
        return unsupported("undefined symbol", name);
      return reinterpret_cast<uint64_t>(object_->memory_) + stub->second;
    }
    if (symbol.st_shndx >= sections_.size() || !offsets_[symbol.st_shndx])
      return unsupported("symbol outside code and constants", name);
    if (symbol.st_value > sections_[symbol.st_shndx].sh_size)
      return damaged("symbol lies outside its section");
    return reinterpret_cast<uint64_t>(object_->memory_) +
           *offsets_[symbol.st_shndx] + symbol.st_value;
  }

  Status apply(const Elf64_Rela &entry, const Elf64_Shdr &target,
               uint64_t targetOffset) {
    StatusOr<uint64_t> symbol = address(ELF64_R_SYM(entry.r_info));
    if (!symbol.ok())
      return symbol.status();
    auto kind = static_cast<uint32_t>(ELF64_R_TYPE(entry.r_info));
    uint64_t width = kind == R_X86_64_64 || kind == R_X86_64_PC64 ? 8 : 4;
    if (entry.r_offset > target.sh_size ||
        target.sh_size - entry.r_offset < width)
      return damaged("relocation outside its section");
    std::byte *place = object_->memory_ + targetOffset + entry.r_offset;
    uint64_t absolute = *symbol + static_cast<uint64_t>(entry.r_addend);
    uint64_t relative = absolute - reinterpret_cast<uint64_t>(place);
    switch (kind) {
    case R_X86_64_64:
      std::memcpy(place, &absolute, 8);
      return {};
    case R_X86_64_PC64:
      std::memcpy(place, &relative, 8);
      return {};
    case R_X86_64_PC32:
    case R_X86_64_PLT32: {
      auto distance = static_cast<int64_t>(relative);
      auto narrow = static_cast<int32_t>(distance);
      if (narrow != distance)
        return damaged("relocation out of reach");
      std::memcpy(place, &narrow, 4);
      return {};
    }
    default:
      return unsupported("relocation type", absl::StrCat(kind));
    }
  }

  Status relocate() {
    for (const Elf64_Shdr &section : sections_) {
      if (section.sh_type != SHT_RELA && section.sh_type != SHT_REL)
        continue;
      if (section.sh_info >= sections_.size())
        return damaged("relocations of an unknown section");
      if (!offsets_[section.sh_info])
        continue; // debug information, unwind tables
      if (section.sh_type == SHT_REL)
        return unsupported("relocations", "without addends");
      for (uint64_t i = 0; i < section.sh_size / sizeof(Elf64_Rela); ++i) {
        auto entry = read<Elf64_Rela>(section.sh_offset, i);
        if (!entry)
          return damaged("relocations are cut off");
        Status status = apply(*entry, sections_[section.sh_info],
                              *offsets_[section.sh_info]);
        if (!status.ok())
          return status;
      }
    }
    return {};
  }

  Status protect() {
    for (uint64_t i = 0; i < symbols_.size(); ++i) {
      const Elf64_Sym &symbol = symbols_[i];
      if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL ||
          symbol.st_shndx == SHN_UNDEF)
        continue;
      auto name = stringAt(symbolNames_, symbol.st_name);
      StatusOr<uint64_t> where = address(i);
      if (!name || !where.ok())
        return name ? where.status() : damaged("symbol without a name");
      object_->symbols_.emplace(std::string(*name),
                                reinterpret_cast<void *>(*where));
    }
    // Never writable and executable at once.
    std::byte *memory = object_->memory_;
    if (mprotect(memory, codeBytes_, PROT_READ | PROT_EXEC) != 0 ||
        mprotect(memory + codeBytes_, imageBytes_ - codeBytes_, PROT_READ) != 0)
      return failed_precondition_error(
          absl::StrCat("object: the system refuses executable memory: ",
                       std::strerror(errno)));
    return {};
  }

  std::string_view bytes_;
  std::vector<Elf64_Shdr> sections_;
  std::vector<std::optional<uint64_t>> offsets_; // of each section, if loaded
  std::vector<Elf64_Sym> symbols_;
  std::map<uint64_t, uint64_t> stubs_; // symbol -> offset of its jump
  std::shared_ptr<LoadedObject> object_;
  uint64_t codeBytes_ = 0;
  uint64_t imageBytes_ = 0;
  uint32_t nameTable_ = 0;
  uint32_t symbolNames_ = 0;
};

StatusOr<std::shared_ptr<const LoadedObject>>
LoadedObject::load(std::string_view bytes) {
  return ObjectReader(bytes).load();
}

LoadedObject::~LoadedObject() {
  if (memory_)
    munmap(memory_, size_);
}

void *LoadedObject::find(std::string_view symbol) const {
  auto it = symbols_.find(symbol);
  return it == symbols_.end() ? nullptr : it->second;
}

} // namespace weft::runtime
