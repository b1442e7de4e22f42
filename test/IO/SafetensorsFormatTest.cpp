// SPDX-License-Identifier: Apache-2.0
// Safetensors files: written and read, and every way to be damaged.
#include "lib/IO/SafetensorsFormat.h"

#include "test/Core/Expect.h"
#include "test/IO/Files.h"

#include "weft/Core/Float.h"

namespace weft::io {
namespace {

using test::bytes_of;
using test::host;
using test::le;
using test::raw;

class Safetensors : public testing::Test {
protected:
  /// A file of this header and these elements, read.
  StatusOr<std::vector<NamedTensor>> read(const std::string &header,
                                          const std::string &data = "") {
    return read_file(le<uint64_t>(header.size()) + header + data);
  }
  StatusOr<std::vector<NamedTensor>> read_file(const std::string &bytes) {
    test::write_bytes(path, bytes);
    return read_safetensors(path);
  }
  void expect_damaged(const std::string &header, const std::string &data,
                      const std::string &message) {
    EXPECT_EQ(read(header, data).status(),
              data_loss_error("load_safetensors: " + path + ": " + message))
        << header;
  }

  void expect_unimplemented(const std::string &header, const std::string &data,
                            const std::string &message) {
    EXPECT_EQ(read(header, data).status(),
              unimplemented_error("load_safetensors: " + path + ": " + message))
        << header;
  }

  test::TemporaryFolder folder;
  const std::string path = folder / "t.safetensors";
};

TEST_F(Safetensors, ReadsAFileMadeByHand) {
  auto tensors =
      read(R"({"b":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
           R"( "a":{"shape":[],"data_offsets":[8,16],"dtype":"I64"}}   )",
           raw({1.5f, -2.0f}) + raw<int64_t>({7}));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ASSERT_EQ(tensors->size(), 2u);
  const auto &[b, first] = (*tensors)[0];
  EXPECT_EQ(b, "b");
  EXPECT_EQ(first.dtype, float32);
  EXPECT_EQ(first.shape, (Shape{2, 1}));
  EXPECT_EQ(bytes_of(first), raw({1.5f, -2.0f}));
  const auto &[a, second] = (*tensors)[1];
  EXPECT_EQ(a, "a");
  EXPECT_EQ(second.dtype, int64);
  EXPECT_EQ(second.shape, Shape{});
  EXPECT_EQ(bytes_of(second), raw<int64_t>({7}));
}

TEST_F(Safetensors, EveryTypeComesBack) {
  const std::pair<DType, const char *> types[] = {
      {float64, "F64"},   {float32, "F32"},    {float16, "F16"},
      {bfloat16, "BF16"}, {float8, "F8_E4M3"}, {int64, "I64"},
      {int32, "I32"},     {int8, "I8"},        {int4, "I8"},
      {uint8, "U8"},      {boolean, "BOOL"}};
  ASSERT_EQ(std::size(types), static_cast<size_t>(kNumDTypes));
  std::vector<NamedTensor> tensors;
  for (auto [type, code] : types) {
    std::string bytes(static_cast<size_t>(3 * size_in_bytes(type)), '\0');
    for (int i = 0; i < 3; ++i)
      store_from_int64(bytes.data(), type, i, i - 1);
    tensors.emplace_back(name(type), host(type, {3}, bytes));
  }
  ASSERT_EQ(write_safetensors(path, tensors), Status());

  auto back = read_safetensors(path);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto &[name, tensor] = (*back)[i];
    SCOPED_TRACE(name);
    EXPECT_EQ(name, tensors[i].first);
    EXPECT_EQ(tensor.dtype, types[i].first);
    EXPECT_EQ(tensor.shape, Shape{3});
    EXPECT_EQ(bytes_of(tensor), bytes_of(tensors[i].second));
    const std::string entry =
        "\"" + name + "\":{\"dtype\":\"" + types[i].second + "\"";
    EXPECT_NE(test::read_bytes(path).find(entry), std::string::npos);
  }
}

TEST_F(Safetensors, WritesExactlyTheseBytes) {
  const NamedTensor tensors[] = {
      {"x", host(uint8, {3}, "abc")},
      {"wide", host(float32, {1}, raw({1.0f}))},
      {"n", host(int4, {2}, raw<int8_t>({-8, 7}))},
  };
  ASSERT_EQ(write_safetensors(path, tensors), Status());
  std::string header =
      R"({"__metadata__":{"weft.dtype.n":"int4"},)"
      R"("x":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},)"
      R"("wide":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("n":{"dtype":"I8","shape":[2],"data_offsets":[7,9]}})";
  header.resize(248, ' '); // 8 + 248 = 4 * 64
  EXPECT_EQ(test::read_bytes(path), le<uint64_t>(248) + header + raw({1.0f}) +
                                        "abc" + raw<int8_t>({-8, 7}));
}

TEST_F(Safetensors, WhatWeWriteIsMappedWithoutACopy) {
  const NamedTensor tensors[] = {{"b", host(boolean, {1}, raw<uint8_t>({1}))},
                                 {"d", host(float64, {1}, raw({2.0}))},
                                 {"h", host(float16, {1}, "ab")}};
  ASSERT_EQ(write_safetensors(path, tensors), Status());
  auto back = read_safetensors(path);
  ASSERT_TRUE(back.ok());
  for (const auto &[name, tensor] : *back)
    EXPECT_EQ(tensor.owner, back->front().second.owner) << name;
}

TEST_F(Safetensors, MisalignedElementsAreCopied) {
  // One byte of header less and every float lies at an odd address.
  std::string header =
      R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  while (header.size() % 4 != 3)
    header += ' ';
  auto tensors = read(header, raw({3.5f}));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  const HostTensor &tensor = tensors->front().second;
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data) % 4, 0u);
  EXPECT_EQ(bytes_of(tensor), raw({3.5f}));
}

TEST_F(Safetensors, NamesMayHoldAnythingThatIsUtf8) {
  std::vector<NamedTensor> tensors;
  for (std::string name : {"", "a.b", "quote\" back\\slash", "line\nbreak",
                           "\xc3\xa4\xe2\x82\xac", "{", "weft.dtype.x"})
    tensors.emplace_back(name, host(uint8, {1}, "x"));
  ASSERT_EQ(write_safetensors(path, tensors), Status());
  auto back = read_safetensors(path);
  ASSERT_TRUE(back.ok()) << back.status();
  for (size_t i = 0; i < tensors.size(); ++i)
    EXPECT_EQ((*back)[i].first, tensors[i].first);
}

TEST_F(Safetensors, EmptyFilesAndEmptyTensors) {
  ASSERT_EQ(write_safetensors(path, {}), Status());
  auto none = read_safetensors(path);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_TRUE(none->empty());

  const NamedTensor tensors[] = {{"e", host(float32, {0, 3}, "")},
                                 {"f", host(float32, {2, 0}, "")},
                                 {"x", host(float32, {1}, raw({1.0f}))}};
  ASSERT_EQ(write_safetensors(path, tensors), Status());
  auto back = read_safetensors(path);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ((*back)[0].second.shape, (Shape{0, 3}));
  EXPECT_EQ((*back)[1].second.shape, (Shape{2, 0}));
}

TEST_F(Safetensors, ForeignMetadataIsIgnored) {
  auto tensors = read(R"({"__metadata__":{"format":"pt","note":"x"}})");
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_TRUE(tensors->empty());
}

TEST_F(Safetensors, RefusesDamagedFrames) {
  const std::string start = "load_safetensors: " + path + ": ";
  EXPECT_EQ(read_file("").status(),
            data_loss_error(start + "file is shorter than its length field: 0 "
                                    "bytes, expected 8"));
  EXPECT_EQ(read_file("1234567").status(),
            data_loss_error(start + "file is shorter than its length field: 7 "
                                    "bytes, expected 8"));
  EXPECT_EQ(read_file(le<uint64_t>(3) + "{}").status(),
            data_loss_error(start + "file ends inside the header: header of 3 "
                                    "bytes, 2 left"));
  EXPECT_EQ(read_file(le<uint64_t>(100000001) + "{}").status(),
            data_loss_error(start + "header is too large: 100000001 bytes, "
                                    "limit 100000000"));
  EXPECT_EQ(read_file(le<uint64_t>(-1) + "{}").status(),
            data_loss_error(start +
                            "header is too large: 18446744073709551615 bytes, "
                            "limit 100000000"));
  EXPECT_EQ(read_safetensors(folder / "none").status().code(),
            StatusCode::not_found);
}

TEST_F(Safetensors, SaysWhatAnotherKindOfFileBeginsWith) {
  const std::string start =
      "load_safetensors: " + path + ": not a safetensors file: begins with ";
  const std::string expected = ", expected the length of a header in 8 bytes "
                               "and the header, which begins with {";
  EXPECT_EQ(read_file("a line of text\n").status(),
            data_loss_error(start + "\"a line o\"" + expected));
  EXPECT_EQ(read_file("8 bytes.").status(),
            data_loss_error(start + "\"8 bytes.\"" + expected));
  // What torch.save writes is a zip archive.
  EXPECT_EQ(read_file(std::string("PK\3\4\0\0\b\b\0\0", 10)).status(),
            data_loss_error(start + "\"PK\\x03\\x04\\x00\\x00\\x08\\x08\"" +
                            expected));
}

TEST_F(Safetensors, RefusesHeadersThatAreNotJson) {
  expect_damaged("", "", "header is not JSON: at byte 1");
  expect_damaged("{", "", "header is not JSON: at byte 2");
  expect_damaged("{} x", "", "header is not JSON: at byte 4");
  expect_damaged("{\"\xff\":1}", "", "header is not JSON: at byte 3");
  expect_damaged("{'a':1}", "", "header is not JSON: at byte 2");
}

TEST_F(Safetensors, RefusesHeadersOfAnotherForm) {
  expect_damaged("[]", "", "header is not an object: at byte 0");
  expect_damaged("3", "", "header is not an object: at byte 0");
  expect_damaged(R"({"a":1})", "", "entry is not an object: \"a\"");
  expect_damaged(R"({"a":[[]]})", "", "entry is not an object: \"a\"");
  expect_damaged(R"({"__metadata__":3})", "",
                 "entry is not an object: \"__metadata__\"");
  expect_damaged(R"({"__metadata__":{"k":3}})", "",
                 "metadata is not a string: \"k\"");
  expect_damaged(R"({"__metadata__":{"k":"1","k":"2"}})", "",
                 "duplicate name: metadata \"k\"");
  expect_damaged(R"({"a":{"dtype":"F32","shape":[1]}})", "",
                 "entry is incomplete: tensor \"a\" needs dtype, shape and "
                 "data_offsets");
  expect_damaged(R"({"a":{"dtype":"F32","strides":[1]}})", "",
                 "unknown field: tensor \"a\", field \"strides\", expected "
                 "dtype, shape or data_offsets");
  expect_damaged(R"({"a":{"dtype":"F32","dtype":"F32"}})", "",
                 "duplicate field: tensor \"a\", field \"dtype\"");
  for (std::string field :
       {R"("shape":3)", R"("shape":[-1])", R"("shape":[1.5])",
        R"("shape":["1"])", R"("shape":[[1]])", R"("shape":{})",
        R"("shape":null)", R"("shape":[true])",
        R"("shape":[99999999999999999999])", R"("dtype":["F32"])",
        R"("dtype":4)", R"("data_offsets":"0")"})
    expect_damaged("{\"a\":{" + field + "}}", "",
                   "wrong kind of value: tensor \"a\", field " +
                       field.substr(0, field.find(':')));
}

TEST_F(Safetensors, RefusesTwoTensorsOfOneName) {
  expect_damaged(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                 R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                 "xy", "duplicate name: \"a\"");
}

TEST_F(Safetensors, DeepNestingIsRefusedQuickly) {
  expect_damaged("{\"a\":" + std::string(1000000, '['), "",
                 "entry is not an object: \"a\"");
  expect_damaged("{\"a\":{\"shape\":" + std::string(1000000, '['), "",
                 "wrong kind of value: tensor \"a\", field \"shape\"");
}

/// `"a"` of U8 with these numbers.
std::string bytes_entry(const std::string &name, const std::string &shape,
                        const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + offsets + "]}";
}

TEST_F(Safetensors, RefusesTensorsOutOfPlace) {
  const std::string a = bytes_entry("a", "4", "0,4");
  expect_damaged("{" + a + "," + bytes_entry("b", "4", "2,6") + "}", "123456",
                 "tensors overlap: \"a\" at 0 to 4 and \"b\" at 2 to 6");
  expect_damaged("{" + bytes_entry("b", "1", "5,6") + "," + a + "}", "123456",
                 "bytes belong to no tensor: 4 to 5");
  expect_damaged("{" + a + "}", "12345", "bytes belong to no tensor: 4 to 5");
  expect_damaged("{}", "1", "bytes belong to no tensor: 0 to 1");
  expect_damaged("{" + a + "}", "123",
                 "data lies behind the end of the file: \"a\" at 0 to 4, data "
                 "of the file 3 bytes");
  expect_damaged("{" + bytes_entry("a", "4", "4,0") + "}", "1234",
                 "data ends before it begins: \"a\" at 4 to 0");
  expect_damaged("{" + bytes_entry("a", "4", "0") + "}", "1234",
                 "data_offsets are not two numbers: tensor \"a\" has 1");
  expect_damaged("{" + bytes_entry("a", "4", "0,4,8") + "}", "1234",
                 "data_offsets are not two numbers: tensor \"a\" has 3");
  expect_damaged("{" + bytes_entry("a", "1", "0,18446744073709551615") + "}",
                 "1",
                 "data lies behind the end of the file: \"a\" at 0 to "
                 "18446744073709551615, data of the file 1 bytes");
}

TEST_F(Safetensors, RefusesLengthsThatDoNotFit) {
  expect_damaged("{" + bytes_entry("a", "5", "0,4") + "}", "1234",
                 "length does not fit the shape: tensor \"a\" of U8 [5] needs "
                 "5 bytes, has 4");
  expect_damaged(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
                 "1234",
                 "length does not fit the shape: tensor \"a\" of F32 [2] needs "
                 "8 bytes, has 4");
}

TEST_F(Safetensors, RefusesShapesBeyondTheLimits) {
  expect_damaged("{" + bytes_entry("a", "1,1,1,1,1,1,1,1,1", "0,1") + "}", "1",
                 "tensor \"a\": too many dims: got 9, limit 8");
  // 2^32 * 2^32 elements would wrap to 0 bytes.
  expect_damaged("{" + bytes_entry("a", "4294967296,4294967296", "0,0") + "}",
                 "",
                 "tensor \"a\": too many elements: shape [4294967296, "
                 "4294967296], limit 576460752303423488");
  expect_damaged("{" + bytes_entry("a", "18446744073709551615", "0,0") + "}",
                 "",
                 "tensor \"a\": too many elements: shape "
                 "[9223372036854775807], limit 576460752303423488");
}

TEST_F(Safetensors, RefusesUnknownTypes) {
  for (std::string type : {"U16", "C64", "F8_E5M2", "f32", ""})
    expect_unimplemented(
        "{\"a\":{\"dtype\":\"" + type +
            "\",\"shape\":[],\"data_offsets\":[0,1]}}",
        "1",
        "dtype is not supported: tensor \"a\" has \"" + type +
            "\", expected one of F64 F32 F16 BF16 F8_E4M3 I64 I32 "
            "I8 U8 BOOL");
}

TEST_F(Safetensors, RefusesValuesOutsideTheirType) {
  expect_damaged(R"({"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}})",
                 raw<int8_t>({0, 1, 2}),
                 "value is outside its type: tensor \"a\" of bool has 2 at 2");
  const std::string header =
      R"({"__metadata__":{"weft.dtype.a":"int4"},)"
      R"("a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})";
  expect_damaged(header, raw<int8_t>({7, 8}),
                 "value is outside its type: tensor \"a\" of int4 has 8 at 1");
  expect_damaged(header, raw<int8_t>({-9, 0}),
                 "value is outside its type: tensor \"a\" of int4 has -9 at 0");
}

TEST_F(Safetensors, RefusesNotesThatDoNotFit) {
  expect_damaged(R"({"__metadata__":{"weft.dtype.a":"int4"},)"
                 R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                 "1",
                 "dtype note does not fit: tensor \"a\" of U8 is noted as "
                 "\"int4\", expected I8 noted as \"int4\"");
  expect_damaged(R"({"__metadata__":{"weft.dtype.a":"int2"},)"
                 R"("a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})",
                 "1",
                 "dtype note does not fit: tensor \"a\" of I8 is noted as "
                 "\"int2\", expected I8 noted as \"int4\"");
}

TEST_F(Safetensors, RefusesToWriteBadNames) {
  const HostTensor x = host(uint8, {1}, "x");
  const auto write = [&](std::vector<NamedTensor> tensors) {
    return write_safetensors(path, tensors);
  };
  const std::string start = "save_safetensors: " + path + ": ";
  EXPECT_EQ(
      write({{"__metadata__", x}}),
      invalid_argument_error(start + "name is reserved: \"__metadata__\""));
  EXPECT_EQ(write({{"\xff", x}}),
            invalid_argument_error(start + "name is not UTF-8: \"\xff\""));
  EXPECT_EQ(write({{"a", x}, {"b", x}, {"a", x}}),
            invalid_argument_error(start + "duplicate name: \"a\""));
  EXPECT_TRUE(folder.names().empty());
}

TEST_F(Safetensors, AnyDamagedByteIsAnErrorOrAFileButNeverACrash) {
  const NamedTensor tensors[] = {{"x", host(float32, {2}, raw({1.0f, 2.0f}))},
                                 {"n", host(int4, {2}, raw<int8_t>({1, 2}))}};
  ASSERT_EQ(write_safetensors(path, tensors), Status());
  const std::string whole = test::read_bytes(path);
  int refused = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(read_file(whole.substr(0, i)).ok()) << i;
    for (char byte : {'\0', '9', '"', '}', '\xff'}) {
      std::string damaged = whole;
      damaged[i] = byte;
      auto result = read_file(damaged);
      refused += !result.ok();
      if (result.ok())
        for (const auto &[name, tensor] : *result) // readable to the end
          EXPECT_EQ(bytes_of(tensor).size(),
                    static_cast<size_t>(tensor.bytes()));
    }
  }
  EXPECT_GT(refused, 400);
}

TEST_F(Safetensors, RandomDamageIsAnErrorOrAFileButNeverACrash) {
  const NamedTensor tensors[] = {
      {"x", host(float32, {2}, raw({1.0f, 2.0f}))},
      {"layer.0.weight", host(float16, {3, 1, 1}, std::string(6, 'x'))},
      {"none", host(int64, {0, 3}, "")},
      {"n", host(int4, {2}, raw<int8_t>({1, 2}))}};
  ASSERT_EQ(write_safetensors(path, tensors), Status());
  const std::string whole = test::read_bytes(path);
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = test::damage(whole, random);
    // Else most would be refused for the length of their header.
    if (round % 2 && bytes.size() > 64)
      bytes.replace(0, 8, le<uint64_t>(bytes.rfind('}') + 1 - 8));
    auto result = read_file(bytes);
    refused += !result.ok();
    if (!result.ok())
      EXPECT_THAT(std::string(result.status().message()),
                  testing::StartsWith("load_safetensors: " + path + ": "));
    else
      for (const auto &[name, tensor] : *result) // readable to the end
        EXPECT_EQ(bytes_of(tensor).size(), static_cast<size_t>(tensor.bytes()));
  }
  EXPECT_GT(refused, 750);
  EXPECT_LT(refused, 1500);
}

TEST_F(Safetensors, ALengthInTheOtherByteOrderIsTooLarge) {
  EXPECT_EQ(read_file(std::string("\0\0\0\0\0\0\0\2{}", 10)).status(),
            data_loss_error("load_safetensors: " + path +
                            ": header is too large: 144115188075855872 bytes, "
                            "limit 100000000"));
}

} // namespace
} // namespace weft::io
