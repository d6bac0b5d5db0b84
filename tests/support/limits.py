"""What tests of limits share: a catalog of engines that answer, break off and fail, and of a model that is soon at its limit."""

MESSAGES = [{"role": "user", "content": "hi"}]  # a token by Azure's estimate


def catalog(engines="", deployments="", more=""):
    """Deployments answer at once, in ten tokens, but for those whose name begins with `broken` or `failing`, and those that
    the test adds. 15 PTU of gpt-4 come to 3,450 input tokens a minute, 57.5 a second; an output token counts for four."""
    return f"""
extends: default
engines:
  - name: quick
    sim: {{ seed: 1, answer_tokens: 10 }}
  - name: broken
    sim: {{ seed: 1, answer_tokens: 40, fault: {{ kind: cut, after_tokens: 5 }} }}
  - name: failing
    sim: {{ seed: 1, fault: {{ kind: status, status: 500 }} }}
{engines}
default_engines: {{ chat: quick, completion: quick, embeddings: quick }}
deployments:
  - {{ deployment: broken*, engine: broken }}
  - {{ deployment: failing*, engine: failing }}
{deployments}
models:
  - name: gpt-4
    skus:
      - {{ name: Standard }}
      - {{ name: GlobalProvisionedManaged, minimum: 15, step: 5 }}
    ptu: {{ input_tokens_per_minute: 230, output_ratio: 4 }}
{more}
"""


def deploy_provisioned(service, name, capacity=15):
    return service.deploy(name, "gpt-4", "0613", capacity=capacity, sku="GlobalProvisionedManaged")
