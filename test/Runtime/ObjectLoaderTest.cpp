// SPDX-License-Identifier: Apache-2.0
// Machine code from a compiler runs; damaged files give errors, whatever byte
// is wrong.
#include "runtime/ObjectLoader.h"

#include "ReadFile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/mman.h>
#include <vector>

namespace weft::runtime {
namespace {

using testing::ElementsAre;

using Kernel = void(void *const *, int64_t, int64_t);

std::string kernels() { return readFile(WEFT_TEST_KERNELS); }

Kernel *kernel(const LoadedObject &object, std::string_view name) {
  return reinterpret_cast<Kernel *>(object.find(name));
}

std::vector<float> run(std::string_view name) {
  auto object = LoadedObject::load(kernels());
  EXPECT_TRUE(object.ok()) << object.status();
  std::vector<float> out(6, -1);
  void *args[] = {out.data()};
  if (object.ok() && kernel(**object, name))
    kernel(**object, name)(args, 1, 5);
  return out;
}

TEST(ObjectLoader, ReadsConstantsRelativeToCode) {
  EXPECT_THAT(run("from_table"), ElementsAre(-1, 1.5, 2.5, 3.5, 0.5, -1));
}

TEST(ObjectLoader, ReadsConstantsThroughAddresses) {
  EXPECT_THAT(run("from_pointers"), ElementsAre(-1, 3.5, 1.5, 3.5, 1.5, -1));
}

TEST(ObjectLoader, CallsWithinTheObject) {
  auto object = LoadedObject::load(kernels());
  ASSERT_TRUE(object.ok()) << object.status();
  std::vector<float> x = {1, 2, 3}, out(3);
  float factor = 10;
  void *args[] = {x.data(), &factor, out.data()};
  kernel(**object, "scale")(args, 0, 3);
  EXPECT_THAT(out, ElementsAre(10, 20, 30));
}

TEST(ObjectLoader, CallsMathFunctions) {
  auto object = LoadedObject::load(readFile(WEFT_TEST_MATH));
  ASSERT_TRUE(object.ok()) << object.status();
  auto *both = reinterpret_cast<double (*)(float)>((*object)->find("both"));
  ASSERT_NE(both, nullptr);
  EXPECT_NEAR(both(2), 7.38905610 + 8 + 0.13533528, 1e-6);
  EXPECT_EQ((*object)->find("expf"), nullptr); // not the object's own
}

TEST(ObjectLoader, UnknownSymbolIsNull) {
  auto object = LoadedObject::load(kernels());
  ASSERT_TRUE(object.ok());
  EXPECT_EQ((*object)->find("nothing"), nullptr);
  EXPECT_EQ((*object)->find(""), nullptr);
}

/// Protection of the page that holds `address`: `r-xp`.
std::string protectionOf(const void *address) {
  std::ifstream maps("/proc/self/maps");
  auto wanted = reinterpret_cast<uintptr_t>(address);
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    char flags[8] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %7s", &begin, &end, flags) == 3 &&
        wanted >= begin && wanted < end)
      return flags;
  }
  return "";
}

TEST(ObjectLoader, CodeIsExecutableAndNotWritable) {
  auto object = LoadedObject::load(kernels());
  ASSERT_TRUE(object.ok());
  void *code = (*object)->find("add");
  EXPECT_EQ(protectionOf(code), "r-xp");
  object->reset();
  EXPECT_NE(protectionOf(code), "r-xp"); // unmapped
}

TEST(ObjectLoader, NamesWhatItDoesNotDo) {
  EXPECT_EQ(LoadedObject::load(readFile(WEFT_TEST_UNDEFINED)).status(),
            unimplemented_error("object: undefined symbol: missing_function"));
  EXPECT_THAT(LoadedObject::load(readFile(WEFT_TEST_WRITABLE)).status(),
              unimplemented_error("object: writable data in section: .data"));
}

template <typename T> T &at(std::string &bytes, size_t offset) {
  return *reinterpret_cast<T *>(&bytes[offset]);
}

struct Damage {
  std::string bytes = kernels();
  Elf64_Ehdr &header() { return at<Elf64_Ehdr>(bytes, 0); }
  Elf64_Shdr &section(size_t i) {
    return at<Elf64_Shdr>(bytes, header().e_shoff + i * sizeof(Elf64_Shdr));
  }
  /// The first section of a type, with some flags.
  Elf64_Shdr &section(uint32_t type, uint64_t flags) {
    for (size_t i = 0; i < header().e_shnum; ++i)
      if (section(i).sh_type == type && (section(i).sh_flags & flags) == flags)
        return section(i);
    ADD_FAILURE() << "no such section";
    return section(0);
  }
  Elf64_Shdr &code() { return section(SHT_PROGBITS, SHF_EXECINSTR); }
  std::string message() {
    auto object = LoadedObject::load(bytes);
    return object.ok() ? "ok" : std::string(object.status().message());
  }
};

TEST(ObjectLoader, NamesWhatIsDamaged) {
  EXPECT_EQ(Damage{""}.message(), "object: not an ELF file");
  EXPECT_EQ(Damage{"not an object at all"}.message(),
            "object: not an ELF file");
  Damage d;
  d.header().e_machine = EM_AARCH64;
  EXPECT_EQ(d.message(), "object: machine: aarch64");
  d = {};
  d.header().e_machine = EM_386;
  EXPECT_EQ(d.message(), "object: machine: not x86-64");
  d = {};
  d.header().e_type = ET_DYN;
  EXPECT_EQ(d.message(), "object: file type: not a relocatable object");
  d = {};
  d.header().e_shentsize = 1;
  EXPECT_EQ(d.message(), "object: bad section header size");
  d = {};
  d.header().e_shoff = ~uint64_t(0) - 10;
  EXPECT_EQ(d.message(), "object: section headers are cut off");
  d = {};
  d.bytes.resize(d.header().e_shoff + 10);
  EXPECT_EQ(d.message(), "object: section headers are cut off");
  d = {};
  d.header().e_shnum = 0;
  EXPECT_EQ(d.message(), "object: no symbol table");
  d = {};
  for (size_t i = 0; i < d.header().e_shnum; ++i)
    d.section(i).sh_flags = 0;
  EXPECT_EQ(d.message(), "object: no code");
  d = {};
  d.code().sh_addralign = 3;
  EXPECT_EQ(d.message(), "object: bad section alignment");
  d = {};
  d.code().sh_size = uint64_t(1) << 40;
  EXPECT_EQ(d.message(), "object: section is too large");
  d = {};
  d.code().sh_offset = d.bytes.size() - 1;
  EXPECT_EQ(d.message(), "object: section is cut off");
}

TEST(ObjectLoader, NamesDamagedSymbolsAndRelocations) {
  Damage d;
  d.section(SHT_SYMTAB, 0).sh_type = SHT_NULL;
  EXPECT_EQ(d.message(), "object: no symbol table");
  d = {};
  d.section(SHT_SYMTAB, 0).sh_size = uint64_t(1) << 50;
  EXPECT_EQ(d.message(), "object: symbol table is cut off");
  d = {};
  d.section(SHT_RELA, 0).sh_info = 60000;
  EXPECT_EQ(d.message(), "object: relocations of an unknown section");
  d = {};
  d.section(SHT_RELA, 0).sh_type = SHT_REL;
  EXPECT_EQ(d.message(), "object: relocations: without addends");
  d = {};
  d.section(SHT_RELA, 0).sh_offset = d.bytes.size();
  EXPECT_EQ(d.message(), "object: relocations are cut off");

  auto relocation = [](Damage &damage) -> Elf64_Rela & {
    return at<Elf64_Rela>(damage.bytes, damage.section(SHT_RELA, 0).sh_offset);
  };
  d = {};
  relocation(d).r_offset = uint64_t(1) << 40;
  EXPECT_EQ(d.message(), "object: relocation outside its section");
  d = {};
  relocation(d).r_info = ELF64_R_INFO(99999, R_X86_64_PC32);
  EXPECT_EQ(d.message(), "object: relocation of an unknown symbol");
  d = {};
  relocation(d).r_info =
      ELF64_R_INFO(ELF64_R_SYM(relocation(d).r_info), R_X86_64_GOTPCREL);
  EXPECT_EQ(d.message(), "object: relocation type: 9");
  d = {};
  relocation(d).r_addend = int64_t(1) << 40;
  EXPECT_EQ(d.message(), "object: relocation out of reach");
}

TEST(ObjectLoader, SurvivesAnyTruncation) {
  std::string whole = kernels();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(LoadedObject::load(whole.substr(0, size)).ok()) << size;
}

TEST(ObjectLoader, SurvivesRandomDamage) {
  // Loaded or refused, but never a crash; the code is not run.
  std::string whole = kernels();
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 3; ++i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    refused += !LoadedObject::load(bytes).ok();
  }
  EXPECT_GT(refused, 1000);
}

} // namespace
} // namespace weft::runtime
