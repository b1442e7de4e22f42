// SPDX-License-Identifier: Apache-2.0
// All of Weft's interface.
#pragma once

#include "weft/Compile.h"
#include "weft/Explain.h"
#include "weft/Functions.h"
#include "weft/IO/Npy.h"
#include "weft/IO/Safetensors.h"
#include "weft/NN/BatchNorm.h"
#include "weft/NN/Conv.h"
#include "weft/NN/GroupNorm.h"
#include "weft/NN/LayerNorm.h"
#include "weft/NN/Linear.h"
#include "weft/NN/Module.h"
#include "weft/NN/Parameter.h"
#include "weft/NN/Sequential.h"
#include "weft/Runtime.h"
#include "weft/StateDict.h"
#include "weft/Tensor.h"
