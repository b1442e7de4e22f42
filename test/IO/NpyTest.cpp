// SPDX-License-Identifier: Apache-2.0
// NumPy's arrays as tensors.
#include "weft/IO/Npy.h"

#include "test/Core/Expect.h"
#include "test/IO/Files.h"

#include "weft/Functions.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>

namespace weft {
namespace {

using testing::ElementsAre;

class NpyFile : public testing::Test {
protected:
  test::TemporaryFolder folder;
  const std::string path = folder / "x.npy";
};

TEST_F(NpyFile, ApiExamples) {
  ASSERT_EQ(save_npy(path, reshape(arange(0, 6, 1, int64), {2, 3})), Status());
  StatusOr<Tensor> x = load_npy(path);
  ASSERT_TRUE(x.ok()) << x.status();
  EXPECT_EQ(x->shape(), (Shape{2, 3}));
  EXPECT_EQ(x->dtype(), int64);
  EXPECT_VALUE(x->to_vector<int64_t>(), std::vector<int64_t>{0, 1, 2, 3, 4, 5});

  EXPECT_EQ(save_npy(path, zeros({2}, bfloat16)),
            invalid_argument_error("save_npy: " + path +
                                   ": NumPy has no such type: got bfloat16, "
                                   "cast first, to float32"));
}

TEST_F(NpyFile, TakesTheOptionsOfCheckpoints) {
  ASSERT_EQ(save_npy(path, tensor({1.5, -2.0}, float64)), Status());
  StatusOr<Tensor> x =
      load_npy(path, {.dtype = float16, .device = Device::cpu()});
  ASSERT_TRUE(x.ok()) << x.status();
  EXPECT_EQ(x->dtype(), float16);
  EXPECT_EQ(x->device(), Device::cpu());
  EXPECT_THAT(*x->to_vector<float>(), ElementsAre(1.5, -2));
  EXPECT_MESSAGE(load_npy(path, {.dtype = boolean}),
                 "load_npy: option dtype is not floating-point: got bool");
}

TEST_F(NpyFile, ADeviceThatIsNotThereIsAnError) {
  ASSERT_EQ(save_npy(path, tensor({1.0})), Status());
  const Status reason = is_usable(Device::gpu(100));
  ASSERT_FALSE(reason.ok());
  EXPECT_EQ(load_npy(path, {.device = Device::gpu(100)}).status(),
            Status(reason.code(),
                   "load_npy: " + path + ": " + std::string(reason.message())));
}

TEST_F(NpyFile, EvaluatesWhatItWrites) {
  ASSERT_EQ(save_npy(path, tensor({1, 2}) * 10), Status());
  EXPECT_VALUE(load_npy(path)->to_vector<int>(), std::vector<int>{10, 20});
}

TEST_F(NpyFile, ErrorsArePassedOn) {
  EXPECT_EQ(load_npy(path).status(),
            not_found_error("load_npy: " + path +
                            ": cannot open: No such file or directory"));
  const Tensor bad = tensor({1, 2}) + tensor({1, 2, 3});
  EXPECT_EQ(save_npy(path, bad), bad.status());
  EXPECT_FALSE(bad.ok());
  EXPECT_TRUE(folder.names().empty());
}

} // namespace
} // namespace weft
