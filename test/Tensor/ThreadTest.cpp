// SPDX-License-Identifier: Apache-2.0
// Building and evaluating from several threads at once.
#include "Values.h"

#include "weft/Compile.h"
#include "weft/NN/BatchNorm.h"
#include "weft/NN/Linear.h"
#include "weft/NN/Sequential.h"

#include <thread>

namespace weft {
namespace {

constexpr int kThreads = 8;

template <typename F> void on_all_threads(const F &f) {
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&f, i] { f(i); });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Thread, OwnGraphs) {
  std::vector<std::vector<double>> results(kThreads);
  on_all_threads([&](int i) {
    for (int repeat = 0; repeat < 10; ++repeat)
      results[static_cast<size_t>(i)] =
          test::values(sum(tensor({1.0 * i, 2.0}) * 2 + repeat));
  });
  for (int i = 0; i < kThreads; ++i)
    EXPECT_EQ(results[static_cast<size_t>(i)],
              std::vector<double>{2.0 * i + 4 + 18});
}

TEST(Thread, ASharedLazyTensor) {
  Tensor shared = exp(tensor({0.0, 1.0})) + 1;
  std::vector<std::vector<double>> results(kThreads);
  on_all_threads([&](int i) {
    Tensor mine = shared * i;
    results[static_cast<size_t>(i)] = test::values(mine);
    EXPECT_TRUE(shared.eval().ok());
  });
  for (int i = 0; i < kThreads; ++i)
    EXPECT_NEAR(results[static_cast<size_t>(i)][0], 2.0 * i, 1e-5);
}

TEST(Thread, AConstModuleGivesTheSameBits) {
  nn::Sequential net(nn::Linear(4, 8), relu, nn::Linear(8, 3));
  StateDict state;
  for (const auto &[name, value] : net.state_dict())
    state[name] = sin(iota_like(value) + 0.5); // lazy when threads meet it
  ASSERT_TRUE(net.load_state_dict(state).ok());
  const nn::Sequential &shared = net;
  const Tensor x = reshape(arange(0, 8), {2, 4});
  std::vector<std::vector<double>> results(kThreads);
  on_all_threads([&](int i) {
    results[static_cast<size_t>(i)] = test::values(shared(x));
  });
  const std::vector<double> alone = test::values(shared(x));
  for (const std::vector<double> &result : results)
    EXPECT_EQ(result, alone);
}

TEST(Thread, UnloadedParametersAreMadeOnce) {
  const nn::BatchNorm norm(3);
  const Tensor x = ones({2, 3});
  on_all_threads([&](int) {
    EXPECT_EQ(test::values(norm.bias), (std::vector<double>{0, 1, 2}));
    EXPECT_TRUE(norm(x).eval().ok());
  });
}

TEST(Thread, AnExecutable) {
  StatusOr<Executable> exe =
      compile([](const Tensor &x) { return x * x; }, {{float32, {64}}});
  ASSERT_TRUE(exe.ok()) << exe.status();
  on_all_threads([&](int i) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      auto y = exe->run({full({64}, i)});
      ASSERT_TRUE(y.ok()) << y.status();
      EXPECT_EQ(test::values(y->front())[63], 1.0 * i * i);
    }
  });
}

} // namespace
} // namespace weft
