/** What models are by the `model_type` of their config.json, for those who gave one that is not computed here. */

const families: readonly (readonly [type: RegExp, what: string])[] = [
  [/^qwen3_vl_moe/, 'a mixture-of-experts Qwen3-VL'],
  [/moe|^(mixtral|dbrx|deepseek_v[234]|gpt_oss|llama4)/, 'a mixture-of-experts model'],
  [/^qwen(2|3_5)_vl|^qwen2_5_omni|^qwen3_omni/, 'a Qwen-VL of another generation'],
  [
    /^(llava|internvl|idefics|paligemma|mllama|pixtral|smolvlm|gemma3$|gemma3n|medgemma|glm4v|kimi_vl|minicpmv|phi3_v|phi4_multimodal|molmo|florence|blip|instructblip|kosmos|janus|deepseek_vl|aria|ovis|mistral3|lfm2_vl)/,
    'a vision-language model of another family',
  ],
  [
    /clip|siglip|^align$|^biomedclip/,
    'an encoder of images and texts, which gives vectors and writes no text',
  ],
  [
    /^(vit|dinov|swin|resnet|convnext|deit|beit|sam|detr|segformer|efficientnet)/,
    'an encoder of images, which writes no text',
  ],
  [
    /bert|mpnet|^(electra|xlm|nomic|gte|jina|new$|e5|t5encoder)/,
    'an encoder of texts, which gives vectors; it can be an embedder (embedder.kind=onnx)',
  ],
  [/^(whisper|wav2vec|hubert|seamless)/, 'a model of speech'],
  [/^(t5|mt5|umt5|bart|mbart|marian|pegasus)/, 'a model that turns text into text'],
  [
    /^(llama|mistral|mixtral|qwen|gemma|phi|gpt|falcon|mpt|opt|bloom|olmo|granite|deepseek|cohere|starcoder|smollm|stablelm|exaone|glm|mamba|rwkv|biogpt)/,
    'a language model of another family',
  ],
];

/** What a model of this type is; undefined for types that are not known here. */
export function familyOf(modelType: string): string | undefined {
  return families.find(([type]) => type.test(modelType.toLowerCase()))?.[1];
}
