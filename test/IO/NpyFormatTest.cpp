// SPDX-License-Identifier: Apache-2.0
// .npy files: as NumPy writes them, and every way to be damaged.
#include "lib/IO/NpyFormat.h"

#include "test/Core/Expect.h"
#include "test/IO/Files.h"

#include "weft/Core/Float.h"

namespace weft::io {
namespace {

using test::bytes_of;
using test::host;
using test::le;
using test::raw;

class Npy : public testing::Test {
protected:
  static std::string version1(const std::string &header) {
    return std::string("\x93NUMPY\x01\x00", 8) +
           le(static_cast<uint16_t>(header.size())) + header;
  }
  static std::string version(char major, const std::string &header) {
    return "\x93NUMPY" + std::string{major, '\0'} +
           le(static_cast<uint32_t>(header.size())) + header;
  }
  static std::string dict(const std::string &descr, const std::string &shape,
                          const std::string &order = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + order +
           ", 'shape': " + shape + ", }\n";
  }
  StatusOr<HostTensor> read(const std::string &bytes) {
    test::write_bytes(path, bytes);
    return read_npy(path);
  }
  void expect_error(const std::string &bytes, StatusCode code,
                    const std::string &message) {
    EXPECT_EQ(read(bytes).status(),
              Status(code, "load_npy: " + path + ": " + message));
  }
  void expect_damaged(const std::string &bytes, const std::string &message) {
    expect_error(bytes, StatusCode::data_loss, message);
  }

  test::TemporaryFolder folder;
  const std::string path = folder / "x.npy";
};

TEST_F(Npy, WritesTheBytesThatNumPyWrites) {
  // numpy.save("x.npy", numpy.array([[1, 2, 3], [4, 5, 6]], "float32"))
  std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  header.resize(117, ' '); // 10 + 117 + 1 = 2 * 64
  header += '\n';
  const std::string data = raw({1.f, 2.f, 3.f, 4.f, 5.f, 6.f});
  ASSERT_EQ(write_npy(path, host(float32, {2, 3}, data)), Status());
  EXPECT_EQ(test::read_bytes(path), version1(header) + data);
}

TEST_F(Npy, EveryTypeOfNumPysComesBack) {
  const std::pair<DType, std::string> types[] = {
      {float64, "<f8"}, {float32, "<f4"}, {float16, "<f2"}, {int64, "<i8"},
      {int32, "<i4"},   {int8, "|i1"},    {uint8, "|u1"},   {boolean, "|b1"}};
  for (const auto &[type, descr] : types) {
    SCOPED_TRACE(descr);
    std::string bytes(static_cast<size_t>(4 * size_in_bytes(type)), '\0');
    for (int i = 0; i < 4; ++i)
      store_from_int64(bytes.data(), type, i, i - 1);
    ASSERT_EQ(write_npy(path, host(type, {2, 2}, bytes)), Status());
    EXPECT_NE(test::read_bytes(path).find("'descr': '" + descr + "'"),
              std::string::npos);
    StatusOr<HostTensor> back = read_npy(path);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->dtype, type);
    EXPECT_EQ(back->shape, (Shape{2, 2}));
    EXPECT_EQ(bytes_of(*back), bytes);
  }
}

TEST_F(Npy, ShapesOfEveryRankComeBack) {
  for (const Shape &shape : {Shape{}, Shape{1}, Shape{0}, Shape{1, 1, 1},
                             Shape{1, 1, 1, 1, 1, 1, 1, 1}, Shape{3, 0}}) {
    const std::string bytes(static_cast<size_t>(shape.num_elements()), 'x');
    ASSERT_EQ(write_npy(path, host(uint8, shape, bytes)), Status());
    StatusOr<HostTensor> back = read_npy(path);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->shape, shape);
    EXPECT_EQ(bytes_of(*back), bytes);
  }
}

TEST_F(Npy, ReadsAllVersions) {
  for (const std::string &start :
       {version1(dict("<i4", "(2,)")), version(2, dict("<i4", "(2,)")),
        version(3, dict("<i4", "(2,)"))}) {
    StatusOr<HostTensor> x = read(start + raw({7, 8}));
    ASSERT_TRUE(x.ok()) << x.status();
    EXPECT_EQ(bytes_of(*x), raw({7, 8}));
  }
}

TEST_F(Npy, ReadsFortranOrder) {
  // [[1, 2, 3], [4, 5, 6]] column by column.
  StatusOr<HostTensor> x =
      read(version1(dict("<i4", "(2, 3)", "True")) + raw({1, 4, 2, 5, 3, 6}));
  ASSERT_TRUE(x.ok()) << x.status();
  EXPECT_EQ(x->shape, (Shape{2, 3}));
  EXPECT_EQ(bytes_of(*x), raw({1, 2, 3, 4, 5, 6}));

  // x[i, j, k] = i + 2 * j + 6 * k, the place in the file.
  std::string places;
  for (int8_t i = 0; i < 24; ++i)
    places += le(i);
  x = read(version1(dict("|i1", "(2, 3, 4)", "True")) + places);
  ASSERT_TRUE(x.ok()) << x.status();
  std::string expected;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        expected += le(static_cast<int8_t>(i + 2 * j + 6 * k));
  EXPECT_EQ(bytes_of(*x), expected);

  EXPECT_TRUE(read(version1(dict("<f8", "(0, 3)", "True"))).ok());
}

TEST_F(Npy, ReadsHeadersOfOtherWriters) {
  for (std::string header :
       {R"({"shape": (1,), "descr": "<i4", "fortran_order": False})",
        "{'shape':(1L,),'fortran_order':False,'descr':'<i4'}",
        "  {'descr': '<i4', 'fortran_order': False, 'shape': (1 , ) , }  \n"}) {
    StatusOr<HostTensor> x = read(version1(header) + raw({9}));
    ASSERT_TRUE(x.ok()) << x.status();
    EXPECT_EQ(bytes_of(*x), raw({9}));
  }
  // A single byte has no order.
  EXPECT_TRUE(read(version1(dict(">i1", "()")) + "x").ok());
  EXPECT_TRUE(read(version1(dict("i4", "()")) + raw({1})).ok());
}

TEST_F(Npy, MapsWhatIsAlignedAndCopiesWhatIsNot) {
  ASSERT_EQ(write_npy(path, host(float32, {1}, raw({1.0f}))), Status());
  StatusOr<HostTensor> mapped = read_npy(path);
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(mapped->data) % 64, 0u);

  std::string header = dict("<f4", "(1,)");
  while (header.size() % 2 == 0)
    header += ' ';
  StatusOr<HostTensor> copied = read(version1(header) + raw({2.5f}));
  ASSERT_TRUE(copied.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(copied->data) % 4, 0u);
  EXPECT_EQ(bytes_of(*copied), raw({2.5f}));
}

TEST_F(Npy, RefusesDamagedFrames) {
  expect_damaged("", "not an .npy file: the magic string is missing");
  expect_damaged("\x93NUMPX\x01", "not an .npy file: the magic string is "
                                  "missing");
  expect_damaged("\x93NUMPY\x01", "file ends inside the header: 7 bytes, "
                                  "expected at least 8");
  expect_damaged(std::string("\x93NUMPY\x01\x00\x05", 9),
                 "file ends inside the header: 9 bytes, expected at least 10");
  expect_damaged(version1("12345").substr(0, 14),
                 "file ends inside the header: 14 bytes, expected at least 15");
  expect_damaged(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12),
                 "file ends inside the header: 12 bytes, expected at least "
                 "4294967307");
  expect_damaged(std::string("\x93NUMPY\x04\x00", 8),
                 "version is not supported: got 4.0, expected 1.0, 2.0 or 3.0");
  expect_damaged(std::string("\x93NUMPY\x01\x02", 8),
                 "version is not supported: got 1.2, expected 1.0, 2.0 or 3.0");
  EXPECT_EQ(read_npy(folder / "none").status().code(), StatusCode::not_found);
}

TEST_F(Npy, RefusesDamagedHeaders) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "expected { at byte 0"},
      {"{", "expected a string at byte 1"},
      {"{'descr", "string does not end at byte 2"},
      {"{'descr' 3", "expected : at byte 9"},
      {"{'descr': 3", "expected a string at byte 10"},
      {"{'x': 3", "expected descr, fortran_order or shape, got 'x' at byte 5"},
      {"{'descr': 'a' 'shape'", "expected , or } at byte 14"},
      {"{'descr': 'a', 'descr': 'a'", "'descr' stands twice at byte 23"},
      {"{'shape': (), 'shape': ()", "'shape' stands twice at byte 22"},
      {"{'fortran_order': 0", "expected True or False at byte 18"},
      {"{'shape': 3", "expected ( at byte 10"},
      {"{'shape': (-1", "expected a size at byte 11"},
      {"{'shape': (1 2", "expected , or ) at byte 13"},
      {"{'shape': (1, ", "expected a size at byte 14"},
      {"{}", "needs descr, fortran_order and shape at byte 2"},
      {"{} x", "expected the end at byte 3"},
      {dict("<i4", "()") + "x", "expected the end at byte 56"},
  };
  for (const auto &[header, message] : cases)
    expect_damaged(version1(header), "header is damaged: " + message);
}

TEST_F(Npy, RefusesTypesItDoesNotHave) {
  for (std::string descr : {"<u2", "<c8", "|S3", "|O", "", "<"})
    expect_error(version1(dict(descr, "()")), StatusCode::unimplemented,
                 "type is not supported: got '" + descr +
                     "', expected one of f8 f4 f2 i8 i4 i1 u1 b1");
  expect_error(version1(dict(">f4", "()")), StatusCode::unimplemented,
               "big-endian is not supported: got '>f4', expected '<f4'");
  expect_error(version1("{'descr': [('a', '<f4')], 'fortran_order': False, "
                        "'shape': ()}"),
               StatusCode::unimplemented,
               "structured arrays are not supported");
}

TEST_F(Npy, RefusesShapesAndLengthsThatDoNotFit) {
  expect_damaged(version1(dict("<f4", "(2,)")) + "1234567",
                 "length does not fit the shape: float32 [2] needs 8 bytes, "
                 "has 7");
  expect_damaged(version1(dict("<f4", "(2,)")) + "123456789",
                 "length does not fit the shape: float32 [2] needs 8 bytes, "
                 "has 9");
  expect_damaged(version1(dict("|u1", "(1,1,1,1,1,1,1,1,1)")) + "1",
                 "too many dims: got 9, limit 8");
  expect_damaged(version1(dict("<f8", "(99999999999999999999999,)")),
                 "too many elements: shape [9223372036854775807], limit "
                 "576460752303423488");
  expect_damaged(version1(dict("|b1", "(3,)")) + raw<int8_t>({1, 0, 3}),
                 "value is outside its type: bool has 3 at 2");
}

TEST_F(Npy, RefusesToWriteWhatNumPyDoesNotHave) {
  for (const auto &[type, other] :
       {std::pair{bfloat16, "float32"}, {float8, "float32"}, {int4, "int8"}})
    EXPECT_EQ(write_npy(path, host(type, {1}, "xx")),
              invalid_argument_error(
                  "save_npy: " + path + ": NumPy has no such type: got " +
                  std::string(name(type)) + ", cast first, to " + other));
  EXPECT_TRUE(folder.names().empty());
}

TEST_F(Npy, AnyDamagedByteIsAnErrorOrAFileButNeverACrash) {
  ASSERT_EQ(write_npy(path, host(float32, {2}, raw({1.0f, 2.0f}))), Status());
  const std::string whole = test::read_bytes(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_FALSE(read(whole.substr(0, i)).ok()) << i;
    for (char byte : {'\0', '9', '\'', '(', '\xff'}) {
      std::string damaged = whole;
      damaged[i] = byte;
      StatusOr<HostTensor> result = read(damaged);
      if (result.ok())
        EXPECT_EQ(bytes_of(*result).size(),
                  static_cast<size_t>(result->bytes()));
    }
  }
}

TEST_F(Npy, RandomDamageIsAnErrorOrAFileButNeverACrash) {
  std::mt19937 random(1);
  std::vector<std::string> wholes;
  for (const HostTensor &x : {host(float32, {2, 3}, std::string(24, 'x')),
                              host(boolean, {0, 7}, ""), host(int8, {}, "x")}) {
    ASSERT_EQ(write_npy(path, x), Status());
    wholes.push_back(test::read_bytes(path));
  }
  wholes.push_back(version1(dict("<i4", "(2L, 1)", "True")) + raw({1, 2}));
  wholes.push_back(version('\x02', dict("<f8", "(1,)")) + raw({1.0}));
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    StatusOr<HostTensor> x =
        read(test::damage(wholes[random() % wholes.size()], random));
    refused += !x.ok();
    if (x.ok())
      EXPECT_EQ(bytes_of(*x).size(), static_cast<size_t>(x->bytes()));
    else
      EXPECT_THAT(std::string(x.status().message()),
                  testing::StartsWith("load_npy: " + path + ": "));
  }
  EXPECT_GT(refused, 750);
  EXPECT_LT(refused, 1500);
}

} // namespace
} // namespace weft::io
