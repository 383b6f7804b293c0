// Scores an image classifier for cuvee: node score.mjs CHECKPOINT < prompts. A prompt is a position in images.json; its score is the
// probability that the MLP of the checkpoint (hidden and output layer, ReLU) gives the image's label. No package is needed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const images = JSON.parse(readFileSync('../../runs/digits/images.json', 'utf8'));
const { hidden, output } = readModel(join(process.argv.at(-1), 'model.safetensors'));
const prompts = readFileSync(0, 'utf8').trim().split('\n').map((line) => JSON.parse(line).prompt);
process.stdout.write(JSON.stringify(prompts.map((prompt) => score(images[Number(prompt)]))) + '\n');

function score({ pixels, label }) {
  const active = layer(hidden, pixels).map((x) => Math.max(0, x));
  const logits = layer(output, active);
  const largest = Math.max(...logits);
  const powers = logits.map((x) => Math.exp(x - largest));
  return powers[label] / powers.reduce((a, b) => a + b);
}

function layer({ weight, bias }, input) {
  return Array.from(bias, (start, row) => {
    let sum = start;
    for (let i = 0; i < input.length; i++) sum += weight[row * input.length + i] * input[i];
    return sum;
  });
}

function readModel(path) {
  const file = readFileSync(path);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + headerBytes));
  const tensor = (name) => {
    const { dtype, data_offsets: [begin, end] } = header[name];
    const bytes = file.subarray(8 + headerBytes + begin, 8 + headerBytes + end);
    if (dtype === 'F32') return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    if (dtype !== 'BF16') throw new Error(`${path}: ${name} is ${dtype}; this script reads F32 and BF16.`);
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) => {
      const word = Buffer.alloc(4);
      word.writeUInt16LE(bytes.readUInt16LE(2 * i), 2);
      return word.readFloatLE(0);
    });
  };
  const part = (name) => ({ weight: tensor(`${name}.weight`), bias: tensor(`${name}.bias`) });
  return { hidden: part('hidden'), output: part('output') };
}
